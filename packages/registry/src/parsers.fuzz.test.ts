import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDigest, isRepositoryName, isTag } from '@gantry/oci'
import * as fc from 'fast-check'
import { parseContentRange, parseRange } from './range.ts'
import { parseRoute } from './route.ts'
import { WireError } from './wire-error.ts'

const word = fc.constantFrom(
  'v2',
  'blobs',
  'uploads',
  'manifests',
  'tags',
  'list',
  'referrers',
  '_catalog',
  '',
  '..',
  '%2e%2e',
  '%',
  'a',
  'A',
  'a%2Fb',
  `sha256:${'0'.repeat(64)}`,
  'sha256:0',
  '00000000-0000-0000-0000-000000000000',
)
const path = fc.array(fc.oneof(word, fc.string())).map((segments) => `/v2/${segments.join('/')}`)

test('a path is refused, or everything in its route is valid', () => {
  fc.assert(
    fc.property(path, (text) => {
      try {
        const route = parseRoute(text)
        if (route === undefined) return
        if ('repository' in route) assert.ok(isRepositoryName(route.repository))
        if ('digest' in route) assert.ok(isDigest(route.digest))
        if ('id' in route) assert.match(route.id, /^[0-9a-f-]{36}$/)
        if (route.kind === 'manifest' && route.reference.kind === 'tag') assert.ok(isTag(route.reference.tag))
      } catch (error) {
        assert.ok(error instanceof WireError)
      }
    }),
    { numRuns: 2000 },
  )
})

test('a range lies within the blob', () => {
  const header = fc.oneof(
    fc.string(),
    fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `bytes=${a}-${b}`),
    fc.nat().map((n) => `bytes=-${n}`),
  )
  fc.assert(
    fc.property(header, fc.nat(), (text, size) => {
      const part = parseRange(text, size)
      if (part === undefined || part === 'unsatisfiable') return
      assert.ok(part.start >= 0 && part.start < part.end && part.end <= size)
    }),
  )
  fc.assert(
    fc.property(fc.string(), (text) => {
      const part = parseContentRange(text)
      assert.ok(part === undefined || part.start < part.end)
    }),
  )
})
