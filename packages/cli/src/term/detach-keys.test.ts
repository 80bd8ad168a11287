import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { detachFilter, parseDetachKeys } from './detach-keys.ts'

describe('parseDetachKeys', () => {
  for (const [text, bytes] of [
    ['ctrl-p,ctrl-q', [16, 17]],
    ['ctrl-A', [1]],
    ['a,b', [97, 98]],
    ['ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_', [0, 27, 28, 29, 30, 31]],
    ['DEL', [127]],
    ['', []],
  ] as const) {
    test(`takes "${text}"`, () => assert.deepEqual([...parseDetachKeys(text)], bytes))
  }
  for (const text of ['ctrl-', 'ctrl-1', 'foo', 'a,,b', 'ctrl-pq']) {
    test(`refuses "${text}"`, () => assert.throws(() => parseDetachKeys(text), { code: 'INVALID' }))
  }
})

describe('detachFilter', () => {
  const run = (keys: string, ...inputs: readonly string[]): [string, boolean] => {
    const filter = detachFilter(parseDetachKeys(keys))
    let passed = ''
    for (const input of inputs) {
      const { data, detached } = filter(Buffer.from(input))
      passed += Buffer.from(data).toString()
      if (detached) return [passed, true]
    }
    return [passed, false]
  }
  test('passes other keys on', () => assert.deepEqual(run('ctrl-p,ctrl-q', 'ls\r'), ['ls\r', false]))
  test('detaches at the sequence, and passes what stood before it', () =>
    assert.deepEqual(run('ctrl-p,ctrl-q', 'ls\u0010\u0011rest'), ['ls', true]))
  test('sees the sequence across reads', () =>
    assert.deepEqual(run('ctrl-p,ctrl-q', 'a\u0010', '\u0011b'), ['a', true]))
  test('passes a beginning that does not go on', () =>
    assert.deepEqual(run('ctrl-p,ctrl-q', '\u0010', 'x'), ['\u0010x', false]))
  test('holds a beginning back', () => assert.deepEqual(run('ctrl-p,ctrl-q', 'a\u0010'), ['a', false]))
  test('begins anew with the byte that broke the match', () => assert.deepEqual(run('a,b', 'aab'), ['a', true]))
  test('takes a single key', () => assert.deepEqual(run('x', 'abxc'), ['ab', true]))
  test('never detaches without keys', () => assert.deepEqual(run('', '\u0010\u0011'), ['\u0010\u0011', false]))
})
