import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defaultPath, imageProcess, mergeEnv, withHome } from './image-process.ts'

const image = { Entrypoint: ['/entry'], Cmd: ['serve'], Env: ['PATH=/bin', 'A=1'], WorkingDir: '/app', User: 'web' }

describe('imageProcess', () => {
  const rows: readonly [string, Parameters<typeof imageProcess>[1], readonly string[]][] = [
    ['the entry point comes before the command', {}, ['/entry', 'serve']],
    ['a command that is given replaces the image’s', { command: ['ls'] }, ['/entry', 'ls']],
    ['an entry point that is given drops the image’s command', { entrypoint: ['/bin/sh'] }, ['/bin/sh']],
    ['an empty entry point takes the image’s away', { entrypoint: [], command: ['ls'] }, ['ls']],
  ]
  for (const [rule, overrides, expected] of rows) {
    test(rule, () => {
      assert.deepEqual(imageProcess(image, overrides).args, expected)
    })
  }

  test('fails when nothing says what to run', () => {
    assert.throws(() => imageProcess({}), { code: 'SPEC_INVALID' })
    assert.throws(() => imageProcess(image, { entrypoint: [] }), { code: 'SPEC_INVALID' })
  })

  test('takes directory and user from the image unless they are given', () => {
    assert.deepEqual([imageProcess(image).cwd, imageProcess(image).user], ['/app', 'web'])
    const given = imageProcess(image, { workingDirectory: '/', user: '7' })
    assert.deepEqual([given.cwd, given.user], ['/', '7'])
    assert.equal(imageProcess({ Cmd: ['x'], WorkingDir: '' }).cwd, '/')
  })

  test('puts PATH, HOSTNAME and TERM first', () => {
    const { env } = imageProcess({ Cmd: ['x'], Env: ['A=1'] }, { hostname: 'h', terminal: true, env: ['B=2'] })
    assert.deepEqual(env, [`PATH=${defaultPath}`, 'HOSTNAME=h', 'TERM=xterm', 'A=1', 'B=2'])
  })
})

test('mergeEnv replaces in place and drops names without a value', () => {
  assert.deepEqual(mergeEnv(['A=1', 'B=2'], ['A=3', 'B', 'C=4=5']), ['A=3', 'C=4=5'])
})

test('withHome keeps a HOME that is set', () => {
  assert.deepEqual(withHome(['HOME=/x'], '/root'), ['HOME=/x'])
  assert.deepEqual(withHome([], '/root'), ['HOME=/root'])
})
