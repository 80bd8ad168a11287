import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitWords } from './split-words.ts'

test('splitWords splits as a shell does', () => {
  const rows: readonly [line: string, words: readonly string[]][] = [
    ['', []],
    ['  -d  app ', ['-d', 'app']],
    [`-e 'A=b c' app`, ['-e', 'A=b c', 'app']],
    [`sh -c "echo 'x' \\"y\\" \\n"`, ['sh', '-c', `echo 'x' "y" \\n`]],
    [`a\\ b ''`, ['a b', '']],
    [`x"y"'z'`, ['xyz']],
  ]
  for (const [line, words] of rows) assert.deepEqual(splitWords(line), words, line)
  assert.throws(() => splitWords(`run "app`), { code: 'USAGE' })
})
