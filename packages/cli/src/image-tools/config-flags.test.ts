import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { commandWords, keyed, momentText, removable } from './config-flags.ts'

describe('commandWords', () => {
  const rows: readonly [string, readonly string[]][] = [
    ['', []],
    ['["a b", "c"]', ['a b', 'c']],
    ['a  b', ['a', 'b']],
    [`sh -c 'echo "hi" $X'`, ['sh', '-c', 'echo "hi" $X']],
    [`a="b c" d`, ['a=b c', 'd']],
    [String.raw`"a \"b\" \n" c\ d`, ['a "b" \\n', 'c d']],
    [`''`, ['']],
  ]
  for (const [text, words] of rows) test(JSON.stringify(text), () => assert.deepEqual(commandWords(text), words))
  for (const text of [`'a`, `a "b`, '[1]', '["a"']) {
    test(`refuses ${text}`, () => assert.throws(() => commandWords(text), { code: 'INVALID' }))
  }
})

test('entries are set or taken away', () => {
  assert.deepEqual(keyed('label', ['a=1', 'b=', 'c=x=y', 'd-']), { a: '1', b: '', c: 'x=y', d: undefined })
  assert.deepEqual(removable(['80', '81-']), { '80': true, '81': false })
  for (const bad of ['a', '=1', '-']) assert.throws(() => keyed('label', [bad]), { code: 'INVALID' })
})

test('times are RFC 3339 or seconds', () => {
  assert.equal(momentText('86400'), '1970-01-02T00:00:00Z')
  assert.equal(momentText('2026-01-01T01:00:00+01:00'), '2026-01-01T00:00:00Z')
  for (const bad of ['', 'soon', '2026-13-01', '12/24/2026']) assert.throws(() => momentText(bad), { code: 'INVALID' })
})
