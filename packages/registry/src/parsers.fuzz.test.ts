import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import { isDigest, isRepositoryName, isTag } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import * as fc from 'fast-check'
import { memoryRegistries } from './fixtures/registry-fixture.ts'
import { createRegistry, diskStorage, registryMigrations } from './index.ts'
import type { RegistryResponse } from './index.ts'
import { parseContentRange, parseRange } from './range.ts'
import { parseFile } from './repository-files.ts'
import { parseRoute } from './route.ts'
import { warningHeader } from './warning-header.ts'
import { WireError } from './wire-error.ts'

const fixture = memoryRegistries()
after(fixture.close)

const digest = `sha256:${'0'.repeat(64)}`
const word = fc.constantFrom(
  'v2',
  'blobs',
  'uploads',
  'manifests',
  'tags',
  'list',
  'referrers',
  '_catalog',
  '_oci',
  'ext',
  'discover',
  '',
  '.',
  '..',
  '%2e%2e',
  '%2F',
  '%00',
  '%',
  'a',
  'A',
  'a%2Fb',
  '\\',
  'latest',
  digest,
  `sha512:${'f'.repeat(128)}`,
  'sha256:0',
  'sha256:../../../etc/passwd',
  '00000000-0000-0000-0000-000000000000',
)
const path = fc
  .array(fc.oneof({ weight: 4, arbitrary: word }, fc.string(), fc.string({ unit: 'binary' })))
  .map((segments) => `/v2/${segments.join('/')}`)

test('a path is refused, or everything in its route is valid', () => {
  fc.assert(
    fc.property(path, (text) => {
      try {
        const route = parseRoute(text)
        if (route === undefined) return
        if ('repository' in route && route.repository !== undefined) assert.ok(isRepositoryName(route.repository))
        if ('digest' in route) assert.ok(isDigest(route.digest))
        if ('id' in route) assert.match(route.id, /^[0-9a-f-]{36}$/)
        if (route.kind !== 'manifest') return
        if (route.reference.kind === 'tag') assert.ok(isTag(route.reference.tag))
        else assert.ok(isDigest(route.reference.digest))
      } catch (error) {
        assert.ok(error instanceof WireError)
      }
    }),
    { numRuns: 5000 },
  )
})

const number = fc.oneof(fc.nat().map(String), fc.bigInt({ min: 0n, max: 1n << 70n }).map(String), fc.constant(''))
const rangeText = fc.oneof(
  fc.string(),
  fc.tuple(number, number).map(([a, b]) => `bytes=${a}-${b}`),
  fc.tuple(number, number, number).map(([a, b, c]) => `bytes ${a}-${b}/${c}`),
  fc.tuple(number, number).map(([a, b]) => `${a}-${b}`),
  fc.array(fc.constantFrom('bytes', '=', '-', ',', ' ', '0', '9', '*', '/', '\t', '١')).map((parts) => parts.join('')),
)

test('a range lies within the blob', () => {
  fc.assert(
    fc.property(rangeText, fc.oneof(fc.nat(), fc.maxSafeNat()), (text, size) => {
      const part = parseRange(text, size)
      if (part === undefined || part === 'unsatisfiable') return
      assert.ok(part.start >= 0 && part.start < part.end && part.end <= size)
      assert.ok(Number.isSafeInteger(part.start) && Number.isSafeInteger(part.end))
    }),
    { numRuns: 5000 },
  )
})

test('a range says what was asked for', () => {
  fc.assert(
    fc.property(fc.nat(5000), fc.nat(5000), fc.nat(5000), (first, last, size) => {
      const closed = parseRange(`bytes=${first}-${last}`, size)
      const wanted = { start: first, end: Math.min(last + 1, size) }
      assert.deepEqual(closed, first < size && last >= first ? wanted : 'unsatisfiable')
      const suffix = parseRange(`bytes=-${last}`, size)
      assert.deepEqual(suffix, last > 0 && size > 0 ? { start: Math.max(size - last, 0), end: size } : 'unsatisfiable')
    }),
  )
})

test('a Content-Range has bytes, and exact numbers', () => {
  fc.assert(
    fc.property(rangeText, (text) => {
      const part = parseContentRange(text)
      if (part === undefined) return
      assert.ok(part.start < part.end && Number.isSafeInteger(part.end))
      assert.ok(text.includes(`${part.end - 1}`.slice(0, 3)))
    }),
    { numRuns: 5000 },
  )
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (start, more) => {
      assert.deepEqual(parseContentRange(`${start}-${start + more}`), { start, end: start + more + 1 })
    }),
  )
})

test('a warning is one line of ASCII, of 4096 bytes at most', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 3000 })), (texts) => {
      const { Warning = '299 - ""' } = warningHeader(texts)
      assert.match(Warning, /^299 - "[\x20-\x7e]*"$/)
      assert.ok(Warning.length <= 4096)
    }),
  )
})

test("a repository's file is read, or is none", () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.record({ name: fc.constant('a'), manifests: fc.jsonValue(), tags: fc.jsonValue() }),
  )
  fc.assert(
    fc.property(
      fc.oneof(
        value.map((each) => Buffer.from(JSON.stringify(each))),
        fc.uint8Array(),
      ),
      (bytes) => {
        const file = parseFile(bytes)
        if (file === undefined) return
        assert.ok(isRepositoryName(file.name))
        for (const tag of file.tags.keys()) assert.ok(isTag(tag))
        for (const each of [...file.manifests.keys(), ...file.tags.values()]) assert.ok(isDigest(each))
      },
    ),
    { numRuns: 1000 },
  )
})

const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'x')
const query = fc.dictionary(
  fc.constantFrom('n', 'last', 'digest', 'mount', 'from', 'tag', 'artifactType', 'digest-algorithm', 'ns'),
  fc.oneof(fc.string(), word, fc.nat().map(String)),
)
const headers = fc.dictionary(
  fc.constantFrom('range', 'content-range', 'content-length', 'content-type', 'if-none-match', 'accept'),
  fc.oneof(
    fc.string(),
    rangeText,
    fc.constantFrom('application/vnd.oci.image.manifest.v1+json', 'application/vnd.oci.image.index.v1+json'),
  ),
)
const request = fc.record({
  method,
  path,
  query,
  headers,
  body: fc.oneof(
    fc.uint8Array(),
    fc.json().map((text) => Buffer.from(text)),
  ),
})

type FuzzedRequest = typeof request extends fc.Arbitrary<infer T> ? T : never

function sayTo(
  registry: ReturnType<typeof fixture.make>,
  { method: verb, path: target, query: asked, headers: sent, body }: FuzzedRequest,
): Promise<RegistryResponse> {
  return registry.answer({
    method: verb,
    path: target,
    query: new URLSearchParams(asked),
    header: (name) => sent[name],
    body: (async function* () {
      yield new Uint8Array(body)
    })(),
  })
}

test('whatever is asked, the answer is the client’s fault or good, and its errors have a code', async () => {
  const registry = fixture.make()
  await fc.assert(
    fc.asyncProperty(request, async (each) => {
      const { status, headers: answered, body } = await sayTo(registry, each)
      assert.ok(status < 500, `${status} for ${each.method} ${each.path}`)
      for (const value of Object.values(answered)) assert.match(value, /^[\t\x20-\x7e\x80-\xff]*$/)
      if (status < 400 || each.method === 'HEAD') return
      const { errors } = JSON.parse(Buffer.from(body as Uint8Array).toString()) as { errors: { code: string }[] }
      assert.match(errors[0]?.code ?? '', /^[A-Z_]+$/)
    }),
    { numRuns: 2000 },
  )
})

test('nothing that a client says becomes a path', async () => {
  const root = mkdtempSync(join(tmpdir(), 'gantry-fuzz-'))
  try {
    await using stack = new AsyncDisposableStack()
    const state = stack.use(openState(join(root, 'state.db'), [storeMigrations, ...registryMigrations]))
    const store = stack.use(await openStore({ root: join(root, 'content'), state, codec: stack.use(createCodec()) }))
    const registry = stack.use(createRegistry({ storage: stack.use(diskStorage(store)), state }))
    const type = { 'content-type': 'application/vnd.oci.image.index.v1+json' }
    const name = fc.constantFrom('a', 'b/c', '../x', 'a/../../x', '.', 'a\0b', '%2e%2e/x', '/etc', 'a/blobs')
    const reference = fc.constantFrom('latest', '..', '../../x', digest, 'sha256:../../x', `sha256:${'/'.repeat(64)}`)
    const index = '{"schemaVersion":2,"manifests":[]}'
    const hostile = fc.record({
      method: fc.constantFrom('PUT', 'POST', 'PATCH', 'GET', 'DELETE'),
      path: fc
        .tuple(name, fc.constantFrom('manifests', 'blobs', 'blobs/uploads', 'tags'), reference)
        .map((parts) => `/v2/${parts.join('/')}`),
      query: fc.dictionary(fc.constantFrom('digest', 'mount', 'from', 'tag'), fc.oneof(name, reference)),
      headers: fc.constant(type),
      body: fc.constant(Buffer.from(index)),
    })
    const good = { method: 'PUT' as const, path: '/v2/a/b/manifests/latest', query: {}, body: Buffer.from(index) }
    assert.equal((await sayTo(registry, { ...good, headers: type })).status, 201)
    await fc.assert(
      fc.asyncProperty(hostile, async (each) => {
        assert.ok((await sayTo(registry, each)).status < 500)
      }),
      { numRuns: 300 },
    )
    await registry[Symbol.asyncDispose]()
    const names = readdirSync(root, { recursive: true, encoding: 'utf8' })
    const known =
      /^(?:state\.db(?:-wal|-shm)?|content(?:\/(?:oci-layout|index\.json|ingest|blobs(?:\/sha(?:256|512))?|repositories))?)$/
    const made =
      /^content\/(?:blobs\/sha(?:256|512)\/[0-9a-f]+|ingest\/[A-Za-z0-9-]+|repositories\/[0-9a-f]{64}\.json)$/
    for (const each of names) assert.ok(known.test(each) || made.test(each), each)
    assert.ok(names.some((each) => each.startsWith('content/repositories/')))
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})
