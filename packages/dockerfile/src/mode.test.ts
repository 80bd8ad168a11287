import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMode } from './mode.ts'

const rows: readonly (readonly [text: string, before: number, file: number, directory: number])[] = [
  ['755', 0, 0o755, 0o755],
  ['0', 0o777, 0, 0],
  ['04755', 0, 0o4755, 0o4755],
  ['u=rwX,go=rX', 0o600, 0o644, 0o755],
  ['u=rwX,go=rX', 0o700, 0o755, 0o755],
  ['+x', 0o644, 0o755, 0o755],
  ['a+rX', 0o600, 0o644, 0o755],
  ['go-rwx', 0o777, 0o700, 0o700],
  ['u+s,g+s', 0o755, 0o6755, 0o6755],
  ['+t', 0o777, 0o1777, 0o1777],
  ['g=u', 0o750, 0o770, 0o770],
  ['o=', 0o757, 0o750, 0o750],
  ['u=rw', 0o4755, 0o655, 0o4655],
  ['u=r+x-r', 0o200, 0o100, 0o100],
]

test('mode: what a file and a directory become', async (t) => {
  for (const [text, before, file, directory] of rows) {
    await t.test(`${text} of ${before.toString(8)}`, () => {
      const mode = parseMode(text)
      assert.ok(mode)
      assert.equal(mode.apply(before, false).toString(8), file.toString(8))
      assert.equal(mode.apply(before, true).toString(8), directory.toString(8))
      assert.equal(mode.fixed, /^\d/.test(text) ? file : undefined)
    })
  }
})

test('mode: what is none', () => {
  for (const text of ['', '8', '77777', '10000', 'rwx', 'u', 'u=q', 'u+rw,', 'z+x', 'u=ug', '7 5 5', '0x1ff']) {
    assert.equal(parseMode(text), undefined, text)
  }
})
