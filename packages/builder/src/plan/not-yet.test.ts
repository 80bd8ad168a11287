import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDockerfile } from '@gantry/dockerfile'
import { refuseNotYet } from './not-yet.ts'

const rows: readonly (readonly [text: string, column: number])[] = [
  ['RUN --security=insecure a', 1],
  ['RUN --device=a.b/c a', 14],
]

test('what is not done yet is refused at its place', async (t) => {
  for (const [text, column] of rows) {
    await t.test(text, () => {
      const dockerfile = parseDockerfile(`FROM x\n${text}`)
      assert.throws(() => refuseNotYet(dockerfile, dockerfile.stages[0]!.instructions[0]!), {
        code: 'NOT_SUPPORTED',
        line: 2,
        column,
      })
    })
  }
})
