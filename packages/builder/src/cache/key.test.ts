import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { cacheKey, type KeyField } from './key.ts'

test('cache key: different fields never make the same bytes', () => {
  const pairs: readonly (readonly [KeyField, KeyField])[] = [
    [
      ['ab', 'c'],
      ['a', 'bc'],
    ],
    [
      ['a', ['b']],
      [['a'], 'b'],
    ],
    [['1'], [1]],
    [['t'], [true]],
    [[undefined], []],
    [[undefined], ['u']],
    [[''], []],
    [{ a: 'b' }, ['a', 'b']],
    [['s1:a'], ['a']],
    [['\uDC80'], ['\uFFFD']],
    [['\uDC80'], [new Uint8Array([0x80]), 'x']],
    [
      [12, 3],
      [1, 23],
    ],
  ]
  for (const [a, b] of pairs) assert.notEqual(cacheKey(a), cacheKey(b), JSON.stringify([a, b]))
})

test('cache key: equal fields make equal keys, whatever the order of members', () => {
  assert.equal(cacheKey({ a: 1, b: ['x', undefined] }), cacheKey({ b: ['x', undefined], a: 1 }))
})

test('cache key: no two lists collide', () => {
  const { tree } = fc.letrec<{ tree: KeyField }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      fc.string({ maxLength: 3, unit: fc.constantFrom('a', ':', '1', 's', 'l') }),
      fc.integer({ min: 0, max: 12 }),
      fc.boolean(),
      fc.constant(undefined),
      fc.array(tie('tree'), { maxLength: 3 }),
    ),
  }))
  fc.assert(
    fc.property(tree, tree, (a, b) => {
      // JSON tells undefined from null only if it is said explicitly.
      const plain = (field: KeyField): string =>
        JSON.stringify(field, (_, value: unknown) => (value === undefined ? { undefined: 1 } : value))
      assert.equal(cacheKey(a) === cacheKey(b), plain(a) === plain(b))
    }),
    { numRuns: 3000 },
  )
})
