import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CliError } from './cli-error.ts'
import { exitCodeOf, startFailureCode } from './exit-code.ts'
import { describeError } from './report.ts'

const run = { name: 'run', usage: '[OPTIONS] IMAGE', failure: 125 }
const ps = { name: 'ps', usage: '[OPTIONS]', failure: 1 }

class ApiLike extends Error {
  readonly code: string
  readonly reason: string | undefined
  constructor(code: string, message: string, reason?: string) {
    super(message)
    this.code = code
    this.reason = reason
  }
}

describe('exit codes', () => {
  for (const [what, error, command, expected] of [
    ['a bad flag', new CliError('USAGE', ''), ps, 125],
    ['a bad flag of run', new CliError('USAGE', ''), run, 125],
    ['too few arguments', new CliError('ARGUMENTS', ''), run, 1],
    ['an unknown command', new CliError('UNKNOWN_COMMAND', ''), undefined, 1],
    ['the daemon refusing run', new ApiLike('CONFLICT', ''), run, 125],
    ['the daemon refusing ps', new ApiLike('SERVER_ERROR', ''), ps, 1],
    ['an interruption', new ApiLike('ABORTED', ''), ps, 130],
    ['a defect', new TypeError('x'), run, 125],
  ] as const) {
    test(`${what} is ${expected}`, () => assert.equal(exitCodeOf(error, command), expected))
  }

  for (const [message, reason, expected] of [
    ['anything', 'COMMAND_NOT_FOUND', 127],
    ['anything', 'COMMAND_NOT_EXECUTABLE', 126],
    ['exec: "foo": executable file not found in $PATH', undefined, 127],
    ['exec: "/foo": stat /foo: no such file or directory', undefined, 127],
    ['exec: "/etc/passwd": permission denied', undefined, 126],
    ['exec: "/etc": is a directory', undefined, 126],
    ['the port is taken', 'PORT_TAKEN', undefined],
    ['mount source /x: no such file or directory', undefined, undefined],
  ] as const) {
    test(`starting with ${reason ?? message} is ${String(expected)}`, () =>
      assert.equal(startFailureCode(new ApiLike('SERVER_ERROR', message, reason)), expected))
  }
})

describe('describeError', () => {
  test('prints message and hint', () => {
    const { text, exitCode } = describeError(new CliError('NOT_ROOT', 'Cannot do it', { hint: 'run it as root' }), {
      command: ps,
      debug: false,
    })
    assert.equal(text, 'gantry: Cannot do it\nRun it as root\n')
    assert.equal(exitCode, 1)
  })
  test('prints the usage after a mistake in the command line', () => {
    const { text } = describeError(new CliError('USAGE', 'unknown flag: --x'), { command: run, debug: false })
    assert.equal(text, "unknown flag: --x\n\nUsage:  gantry run [OPTIONS] IMAGE\n\nSee 'gantry run --help'\n")
  })
  test('calls an error without a code a defect', () => {
    assert.match(
      describeError(new TypeError('oops'), { command: ps, debug: false }).text,
      /internal error: oops[^]*GANTRY_DEBUG=1/,
    )
  })
  test('prints stacks and causes for those who debug', () => {
    const error = new CliError('FAILED', 'outer', { cause: new Error('inner') })
    assert.match(describeError(error, { command: ps, debug: true }).text, /\[FAILED\][^]*outer[^]*caused by[^]*inner/)
    assert.doesNotMatch(describeError(error, { command: ps, debug: false }).text, /inner/)
  })
  test('leaves a diagnostic with a place as it is', () => {
    assert.match(
      describeError(new CliError('FAILED', 'Dockerfile:3:1: no\n  |'), { command: ps, debug: false }).text,
      /^Dockerfile:3:1: no/,
    )
  })
})
