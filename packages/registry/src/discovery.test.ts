import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { digestOf } from '@gantry/codec'
import { encodeJson, MediaType } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import {
  ask,
  askAs,
  bytesOf,
  imageDocument,
  memoryRegistries,
  push,
  pushManifest,
} from './fixtures/registry-fixture.ts'
import type { Principal, RegistryEvent } from './index.ts'

const fixture = memoryRegistries()
after(fixture.close)
const { make } = fixture

const blob = Buffer.from('a blob of the lists')
const digest = digestOf(blob)
const absent = digestOf(Buffer.from('absent'))
const index = MediaType.imageIndex

describe('lists', () => {
  test('of ten thousand tags, whole and in pages', async () => {
    const registry = make()
    const bytes = encodeJson({ schemaVersion: 2, mediaType: index, manifests: [] })
    const names = Array.from({ length: 10_000 }, (_, n) => `v${n}`)
    for (let start = 0; start < names.length; start += 100) {
      const query = names.slice(start, start + 100).map((name) => `tag=${name}`)
      const response = await ask(registry, 'PUT', `/v2/a/manifests/${digestOf(bytes)}?${query.join('&')}`, {
        body: bytes,
        headers: { 'Content-Type': index },
      })
      assert.equal(response.status, 201)
    }
    const whole = await ask(registry, 'GET', '/v2/a/tags/list')
    assert.equal(whole.headers.get('link'), null)
    assert.deepEqual(((await whole.json()) as { tags: string[] }).tags, names.toSorted())
    const paged: string[] = []
    for (let next: string | undefined = '/v2/a/tags/list?n=999'; next !== undefined;) {
      const response = await ask(registry, 'GET', next)
      paged.push(...((await response.json()) as { tags: string[] }).tags)
      next = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
    }
    assert.deepEqual(paged, names.toSorted())
    assert.equal((await ask(registry, 'DELETE', `/v2/a/manifests/${digestOf(bytes)}`)).status, 202)
    assert.deepEqual(((await (await ask(registry, 'GET', '/v2/a/tags/list')).json()) as { tags: [] }).tags, [])
  })

  test('of referrers in pages that a manifest could hold', async () => {
    const registry = make()
    const subject = { mediaType: MediaType.imageManifest, digest: absent, size: 1 }
    const wanted = new Set<string>()
    for (let n = 0; n < 12; n++) {
      const annotations = { n: String(n), large: 'x'.repeat(400_000) }
      const document = { manifests: [], subject, annotations, artifactType: `app/${n % 2}` }
      const { descriptor } = await pushManifest(registry, document, { reference: `t${n}`, mediaType: index })
      wanted.add(descriptor.digest)
    }
    const collect = async (start: string): Promise<Descriptor[]> => {
      const found: Descriptor[] = []
      for (let next: string | undefined = start; next !== undefined;) {
        const response = await ask(registry, 'GET', next)
        const bytes = await bytesOf(response)
        assert.ok(bytes.length <= 4 * 1024 * 1024)
        found.push(...(JSON.parse(bytes.toString()) as { manifests: Descriptor[] }).manifests)
        next = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
      }
      return found
    }
    assert.deepEqual(new Set((await collect(`/v2/a/b/referrers/${absent}`)).map((each) => each.digest)), wanted)
    const half = await collect(`/v2/a/b/referrers/${absent}?artifactType=app/1`)
    assert.deepEqual(new Set(half.map((each) => each.artifactType)), new Set(['app/1']))
    assert.equal(half.length, 6)
  })

  test('of referrers have what an old fallback tag lists', async () => {
    const registry = make()
    const image = await pushManifest(registry, await imageDocument(registry, 'x'))
    const { digest: subject } = image.descriptor
    const document = { ...(await imageDocument(registry, 'sbom')), subject: image.descriptor, artifactType: 'app/sbom' }
    const sbom = await pushManifest(registry, document, { reference: 'sbom' })
    const plain = await pushManifest(registry, await imageDocument(registry, 'plain'), { reference: 'plain' })
    await ask(registry, 'DELETE', '/v2/a/b/manifests/sbom')
    const fallback = { manifests: [{ ...sbom.descriptor, artifactType: 'app/sbom' }, plain.descriptor] }
    const tag = subject.replace(':', '-')
    await pushManifest(registry, fallback, { reference: tag, mediaType: index })
    const response = await ask(registry, 'GET', `/v2/a/b/referrers/${subject}`)
    const { manifests } = (await response.json()) as { manifests: Descriptor[] }
    assert.deepEqual(manifests, [{ ...sbom.descriptor, artifactType: 'app/sbom' }])
  })

  for (const path of [
    '/v2/',
    '/v2/_catalog',
    '/v2/a/b/tags/list',
    `/v2/a/b/referrers/${absent}`,
    '/v2/_oci/ext/discover',
  ]) {
    test(`${path} has the same headers with HEAD, and no body`, async () => {
      const registry = make()
      await pushManifest(registry, await imageDocument(registry, 'x'))
      const [get, head] = [await ask(registry, 'GET', path), await ask(registry, 'HEAD', path)]
      assert.equal(head.status, 200)
      assert.deepEqual([...head.headers], [...get.headers])
      assert.equal((await bytesOf(get)).length, Number(head.headers.get('content-length')))
      assert.equal((await bytesOf(head)).length, 0)
    })
  }
})

const principal = (may: Principal['may']): Principal => ({ name: 'anna', kind: 'user', may })

describe('who asks', () => {
  for (const [rule, from, readable, status] of [
    ['from a repository that may be read', 'one', ['one'], 201],
    ['from a repository that may not be read', 'one', ['other'], 202],
    ['from one that does not have it', 'other', ['one', 'other'], 202],
    ['from anywhere, where one may be read', undefined, ['one'], 201],
    ['from anywhere, where none may be read', undefined, ['other'], 202],
  ] as const) {
    test(`mounts ${rule} with ${status}`, async () => {
      const registry = make()
      await push(registry, blob, 'one')
      const source = from === undefined ? '' : `&from=${from}`
      const response = await askAs(registry, 'POST', `/v2/mine/blobs/uploads/?mount=${digest}${source}`, {
        principal: principal((name) => (readable as readonly string[]).includes(name)),
      })
      assert.equal(response.status, status)
    })
  }

  test('sees the repositories that they may know of, in whole pages', async () => {
    const registry = make()
    for (let n = 0; n < 30; n++) {
      await pushManifest(
        registry,
        { manifests: [] },
        { repository: `r${String(n).padStart(2, '0')}`, mediaType: index },
      )
    }
    const may = (name: string): boolean => Number(name.slice(1)) % 7 === 0
    const shown: string[] = []
    for (let next: string | undefined = '/v2/_catalog?n=2'; next !== undefined;) {
      const { headers, body } = await askAs(registry, 'GET', next, { principal: principal(may) })
      shown.push(...(JSON.parse(Buffer.from(body as Uint8Array).toString()) as { repositories: string[] }).repositories)
      next = /<([^>]+)>/.exec(headers['Link'] ?? '')?.[1]
    }
    assert.deepEqual(shown, ['r00', 'r07', 'r14', 'r21', 'r28'])
  })
})

describe('events', () => {
  test('are told of everything that happens', async () => {
    const events: RegistryEvent[] = []
    const registry = make({ onEvent: (event) => events.push(event) })
    const kinds = (): readonly string[] =>
      events.splice(0).map(({ kind, tag, repository }) => [kind, repository, tag].join(' ').trim())
    const image = await imageDocument(registry, 'x', 'a')
    assert.deepEqual(kinds(), ['blob-push a', 'blob-push a'])
    const layer = (image['layers'] as Descriptor[])[0]?.digest
    await ask(registry, 'POST', `/v2/b/blobs/uploads/?mount=${layer}&from=a`)
    await ask(registry, 'DELETE', `/v2/b/blobs/${layer}`)
    assert.deepEqual(kinds(), ['mount b', 'blob-delete b'])
    const { descriptor } = await pushManifest(registry, image, { repository: 'a', reference: 'one' })
    assert.deepEqual(kinds(), ['push a', 'tag a one'])
    await ask(registry, 'GET', '/v2/a/manifests/one')
    await ask(registry, 'HEAD', '/v2/a/manifests/one')
    await ask(registry, 'GET', `/v2/a/blobs/${layer}`)
    assert.deepEqual(kinds(), ['pull a one', 'blob-pull a'])
    await pushManifest(registry, image, { repository: 'a', reference: 'two' })
    await ask(registry, 'DELETE', '/v2/a/manifests/two')
    await ask(registry, 'DELETE', `/v2/a/manifests/${descriptor.digest}`)
    assert.deepEqual(kinds(), ['push a', 'tag a two', 'untag a two', 'untag a one', 'delete a'])
  })

  test('say who and by which request, and who listens cannot break an answer', async () => {
    const events: RegistryEvent[] = []
    const errors: unknown[] = []
    const registry = make({
      onEvent: (event) => {
        events.push(event)
        throw new Error('no')
      },
      onError: (error) => errors.push(error),
    })
    await push(registry, blob, 'a')
    const answer = await askAs(registry, 'GET', `/v2/a/blobs/${digest}`, { principal: principal(() => true), id: 'r1' })
    assert.equal(answer.status, 200)
    assert.deepEqual([events[1]?.actor, events[1]?.request, events[1]?.digest], ['anna', 'r1', digest])
    assert.equal(errors.length, 2)
  })
})

test('extensions are told of, of the registry and of its repositories', async () => {
  const of = { name: '_x', url: 'https://x.example', description: 'X' }
  const registry = make({
    extensions: [
      { ...of, endpoints: ['_x/search'], level: 'registry' },
      { ...of, endpoints: ['_x/tags'], level: 'repository' },
    ],
  })
  const endpoints = async (path: string): Promise<unknown> => {
    const { extensions } = (await (await ask(registry, 'GET', path)).json()) as {
      extensions: { endpoints: string[] }[]
    }
    return extensions.map((each) => each.endpoints)
  }
  assert.deepEqual(await endpoints('/v2/_oci/ext/discover'), [['_x/search']])
  assert.deepEqual(await endpoints('/v2/a/b/_oci/ext/discover'), [['_x/tags']])
  assert.equal((await ask(registry, 'GET', '/v2/A/_oci/ext/discover')).status, 400)
})

for (const [rule, texts, expected] of [
  ['one', ['moved'], '299 - "moved"'],
  ['two', ['a', 'b'], '299 - "a", 299 - "b"'],
  ['quotes and what is not ASCII', ['say "ä\r\nX: y\\"'], '299 - "say \\"???X: y\\\\\\""'],
  ['more than fits', ['x'.repeat(5000), 'short'], '299 - "short"'],
  ['none', [], null],
] as const) {
  test(`a warning of ${rule}`, async () => {
    const registry = make({ warnings: () => texts })
    assert.equal((await ask(registry, 'GET', '/v2/')).headers.get('warning'), expected)
    assert.equal((await ask(registry, 'GET', '/v2/a/tags/list')).headers.get('warning'), expected)
  })
}
