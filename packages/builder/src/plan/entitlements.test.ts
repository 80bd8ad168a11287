import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDockerfile, type RunInstruction } from '@gantry/dockerfile'
import { allowed, checkEntitlements } from './entitlements.ts'

const rows: readonly (readonly [text: string, allow: readonly string[], column: number | undefined])[] = [
  ['RUN a', [], undefined],
  ['RUN --security=sandbox a', [], undefined],
  ['RUN --security=insecure a', [], 1],
  ['RUN --security=insecure a', ['device'], 1],
  ['RUN --security=insecure a', ['security.insecure'], undefined],
  ['RUN --device=a.b/c a', [], 14],
  ['RUN --device=a.b/c a', ['security.insecure', 'device=a.b/d'], 14],
  ['RUN --device=a.b/c a', ['device'], undefined],
  ['RUN --device=a.b/c=x a', ['device=a.b/c'], undefined],
  ['RUN --device=a.b/c=x,required a', ['device=a.b/c=x'], undefined],
  ['RUN --device=a.b/c=x --device=a.b/c=y a', ['device=a.b/c=x'], 31],
]

test('what a RUN may not have is refused at its place', async (t) => {
  for (const [text, allow, column] of rows) {
    await t.test(`${text} with ${allow.join(' ') || 'nothing'}`, () => {
      const dockerfile = parseDockerfile(`FROM x\n${text}`)
      const instruction = dockerfile.stages[0]!.instructions[0] as RunInstruction
      const check = (): void => checkEntitlements({ dockerfile, allow }, instruction)
      if (column === undefined) check()
      else assert.throws(check, { code: 'NOT_ALLOWED', line: 2, column })
    })
  }
})

test('an entitlement that nobody knows is refused', () => {
  const known = ['security.insecure', 'device', 'device=a/b']
  assert.deepEqual(allowed(known), known)
  assert.throws(() => allowed(['security.unsafe']), { code: 'OPTIONS_INVALID' })
})
