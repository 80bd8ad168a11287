import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { boolean, integer, list, text } from './flag.ts'
import { parseFlags } from './parse-flags.ts'

const flags = {
  detach: boolean('', { short: 'd' }),
  interactive: boolean('', { short: 'i' }),
  tty: boolean('', { short: 't' }),
  rm: boolean(''),
  'sig-proxy': boolean('', { initial: true }),
  env: list('', { short: 'e' }),
  name: text(''),
  publish: list('', { short: 'p' }),
  count: integer('', { short: 'n' }),
}

const initial = {
  detach: false,
  interactive: false,
  tty: false,
  rm: false,
  'sig-proxy': true,
  env: [],
  name: undefined,
  publish: [],
  count: undefined,
}

const good: readonly [rule: string, line: string, values: object, args: readonly string[]][] = [
  ['nothing is what was there', '', {}, []],
  ['combined short booleans', '-it', { interactive: true, tty: true }, []],
  ['a combined short flag takes the rest as its value', '-ite A=1', { interactive: true, tty: true, env: ['A=1'] }, []],
  ['a short value without a space', '-eA=1', { env: ['A=1'] }, []],
  ['a short value after =', '-e=A=1', { env: ['A=1'] }, []],
  ['a short value after a space', '-e A=1', { env: ['A=1'] }, []],
  ['a long value after =', '--env=A=1=2', { env: ['A=1=2'] }, []],
  ['a long value after a space', '--env A=1', { env: ['A=1'] }, []],
  ['an empty value after =', '--name=', { name: '' }, []],
  ['repeated lists collect', '-e A --env B -eC', { env: ['A', 'B', 'C'] }, []],
  ['repeated texts replace', '--name a --name b', { name: 'b' }, []],
  ['booleans take a value only after =', '--rm false', { rm: true }, ['false']],
  ['booleans can be false', '--sig-proxy=false --rm=0', { 'sig-proxy': false }, []],
  ['short booleans can be false', '-d=false', {}, []],
  ['a value may begin with a dash', '-n -1 --name -x', { count: -1, name: '-x' }, []],
  ['flags stand among arguments', 'a -d b', { detach: true }, ['a', 'b']],
  ['-- ends the flags', '-d -- -i --rm', { detach: true }, ['-i', '--rm']],
  ['a lone dash is an argument', '- -d', { detach: true }, ['-']],
]

describe('parseFlags', () => {
  for (const [rule, line, values, args] of good) {
    test(rule, () => {
      const parsed = parseFlags(flags, line === '' ? [] : line.split(' '))
      assert.deepEqual(parsed, { values: { ...initial, ...values }, args, help: false })
    })
  }

  test('leaves everything after the first argument to the container', () => {
    const parsed = parseFlags(flags, ['-it', 'image', 'ls', '-l', '--', '--rm'], { stopAtFirstArgument: true })
    assert.deepEqual(parsed.args, ['image', 'ls', '-l', '--', '--rm'])
    assert.equal(parsed.values.rm, false)
  })

  test('keeps a -- that stands before the first argument out of the arguments', () => {
    assert.deepEqual(parseFlags(flags, ['--', 'image', '-l'], { stopAtFirstArgument: true }).args, ['image', '-l'])
  })

  for (const [line, message] of [
    ['--nothing', 'unknown flag: --nothing'],
    ['--nothing=1', 'unknown flag: --nothing'],
    ['-z', "unknown shorthand flag: 'z' in -z"],
    ['-itz', "unknown shorthand flag: 'z' in -itz"],
    ['--name', 'flag needs an argument: --name'],
    ['-e', "flag needs an argument: 'e' in -e"],
    ['--rm=maybe', 'invalid argument "maybe" for "--rm" flag: "maybe" is neither true nor false'],
    ['-n x', 'invalid argument "x" for "-n, --count" flag: "x" is not a whole number'],
  ] as const) {
    test(`refuses ${line}`, () => {
      assert.throws(() => parseFlags(flags, line.split(' ')), { code: 'USAGE', message })
    })
  }

  test('asks for help before it looks at anything else', () => {
    assert.equal(parseFlags(flags, ['--help', '--nothing']).help, true)
    assert.equal(parseFlags(flags, ['-h']).help, true)
    assert.equal(parseFlags(flags, ['-dh']).help, true)
  })

  test('gives -h to the flag that has it', () => {
    const { values, help } = parseFlags({ hostname: text('', { short: 'h' }) }, ['-h', 'box'])
    assert.deepEqual([values.hostname, help], ['box', false])
  })
})
