import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseChallenges } from './challenge.ts'
import { parseRetryAfter } from './retry.ts'

for (const [header, expected] of [
  ['Basic realm="a, b"', [{ scheme: 'basic' }]],
  [
    'Bearer realm="https://a/t",service="s",scope="x:y:pull,push"',
    [{ scheme: 'bearer', realm: 'https://a/t', service: 's', scope: 'x:y:pull,push' }],
  ],
  ['bearer realm=https://a/t', [{ scheme: 'bearer', realm: 'https://a/t' }]],
  ['Negotiate, Basic realm="x", Bearer realm="y"', [{ scheme: 'basic' }, { scheme: 'bearer', realm: 'y' }]],
  ['Bearer service="no realm"', []],
  [String.raw`Bearer realm="a\"b"`, [{ scheme: 'bearer', realm: 'a"b' }]],
  ['', []],
] as const) {
  test(`the challenge ${header}`, () => assert.deepEqual(parseChallenges(header), expected))
}

test('no header makes the parsers fail or hang', () => {
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom('Bearer', ' ', ',', '=', '"', '\\', 'realm', 'x')).map((all) => all.join('')),
  )
  fc.assert(
    fc.property(text, (header) => assert.ok(parseChallenges(header).length <= 16)),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.string(), (header) => {
      const wait = parseRetryAfter(header)
      assert.ok(wait === undefined || wait >= 0)
    }),
  )
})
