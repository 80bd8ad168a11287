import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { digestOf } from '@gantry/codec'
import { copy, MemoryStore, randomImage, readerOf } from '@gantry/image'
import type { Image } from '@gantry/image'
import { createRegistry, memoryStorage, registryMigrations } from '@gantry/registry'
import type { Registry } from '@gantry/registry'
import { openState } from '@gantry/state'
import { bytesOf, testCodec } from '@gantry/testing'
import { createRegistryClient, parseRegistriesConfig, RegistryError } from './index.ts'
import type { ClientEvent, Credential, RemoteRepository } from './index.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const codec = testCodec()

function registryOf(): Registry {
  const state = stack.use(openState(':memory:', registryMigrations))
  return stack.use(createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state }))
}

type Host = (request: Request) => Response | Promise<Response>

interface World {
  readonly image: Image
  readonly asked: string[]
  readonly authorizations: (string | null)[]
  readonly events: ClientEvent[]
  readonly hosts: Map<string, Host>
  readonly repository: RemoteRepository
}

const password = 'hunter2-of-origin'

/** An origin with an image, and mirrors that the test makes. */
async function world(mirrors: readonly unknown[], name = 'app'): Promise<World> {
  const origin = registryOf()
  const image = await randomImage({ codec, seed: 9 })
  const inside = createRegistryClient({ fetch: origin.handle, credentials: async () => undefined })
  const there = inside.repository({ registry: 'origin.example', repository: name })
  await copy(image.source, there, image.descriptor)
  await there.tag('1', image.descriptor)
  const asked: string[] = []
  const authorizations: (string | null)[] = []
  const events: ClientEvent[] = []
  const hosts = new Map<string, Host>([['origin.example', origin.handle]])
  const text = JSON.stringify({ registries: { 'origin.example': { mirrors } } })
  const client = createRegistryClient({
    registries: parseRegistriesConfig(text, 'test'),
    credentials: async (registry): Promise<Credential | undefined> =>
      registry === 'origin.example' ? { kind: 'basic', username: 'me', password } : undefined,
    retry: { sleep: async () => undefined, random: () => 0 },
    onEvent: (event) => void events.push(event),
    async fetch(request) {
      const { host, pathname, search } = new URL(request.url)
      asked.push(`${request.method} ${host}${pathname}${search}`)
      if (host !== 'origin.example') authorizations.push(request.headers.get('authorization'))
      const answer = hosts.get(host)
      if (answer === undefined) throw Object.assign(new Error('no'), { code: 'ECONNREFUSED' })
      return answer(request)
    },
  })
  const repository = client.repository({ registry: 'origin.example', repository: name })
  return { image, asked, authorizations, events, hosts, repository }
}

async function pull({ repository, image }: World): Promise<void> {
  const store = new MemoryStore(codec)
  await copy(repository, store, await repository.find('1'))
  assert.equal(await store.has(image.descriptor), true)
}

describe('a mirror', () => {
  test('that has everything is asked alone, and told whose it is', async () => {
    const it = await world(['m.example'])
    it.hosts.set('m.example', it.hosts.get('origin.example') ?? assert.fail())
    await pull(it)
    assert.ok(it.asked.length > 2)
    for (const line of it.asked) assert.match(line, /^(?:GET|HEAD) m\.example\/v2\/app\/.*\?ns=origin\.example$/)
  })

  test('that keeps others below a name is asked there', async () => {
    const it = await world(['m.example/mirror/of'], 'a/b')
    const mirror = registryOf()
    it.hosts.set('m.example', mirror.handle)
    await pull(it)
    assert.ok(it.asked.some((line) => line.startsWith('HEAD m.example/v2/mirror/of/a/b/manifests/1')))
    assert.ok(it.asked.every((line) => !line.includes('ns=')))
  })

  for (const [name, host] of [
    ['that does not have it', () => new Response('{}', { status: 404 })],
    ['that fails', () => new Response('', { status: 503 })],
    [
      'that asks for a password',
      () => new Response('', { status: 401, headers: { 'www-authenticate': 'Basic realm="m"' } }),
    ],
    ['that lets nothing more through', () => new Response('', { status: 429, headers: { 'retry-after': '3600' } })],
  ] as const) {
    test(`${name} is passed over, and is not told the password of the registry`, async () => {
      const it = await world(['m.example'])
      it.hosts.set('m.example', host)
      await pull(it)
      assert.ok(it.asked.some((line) => line.includes('m.example')))
      assert.ok(it.events.some((event) => event.kind === 'mirror-failed' && event.mirror === 'm.example'))
      assert.ok(it.authorizations.every((each) => each === null))
    })
  }

  test('that is not there is left alone for a while, and the next one is asked', async () => {
    const it = await world(['gone.example', 'm.example'])
    it.hosts.set('m.example', it.hosts.get('origin.example') ?? assert.fail())
    await pull(it)
    assert.equal(it.asked.filter((line) => line.includes('gone.example')).length, 1)
    assert.equal(it.asked.filter((line) => line.includes(' origin.example')).length, 0)
  })

  test('that is only for what has a digest is not asked for tags', async () => {
    const it = await world([{ host: 'm.example', resolve: false }])
    it.hosts.set('m.example', it.hosts.get('origin.example') ?? assert.fail())
    await pull(it)
    assert.equal(it.asked[0], 'HEAD origin.example/v2/app/manifests/1')
    assert.ok(it.asked.slice(1).every((line) => line.includes('m.example')))
  })

  test('gets no pushes', async () => {
    const it = await world(['m.example'])
    it.hosts.set('m.example', () => assert.fail('the mirror was asked'))
    const image = await randomImage({ codec, seed: 10 })
    await copy(image.source, it.repository, image.descriptor)
    await it.repository.tag('2', image.descriptor)
  })

  for (const [name, wrong] of [
    ['other bytes', (bytes) => bytes.map((byte) => byte ^ 1)],
    ['too few bytes', (bytes) => bytes.subarray(1)],
    ['too many bytes', (bytes) => Buffer.concat([bytes, bytes])],
  ] as const satisfies readonly (readonly [string, (bytes: Uint8Array) => Uint8Array])[]) {
    test(`that gives ${name} of manifests and small blobs is passed over for the next one`, async () => {
      const it = await world(['bad.example', 'm.example'])
      const origin = it.hosts.get('origin.example') ?? assert.fail()
      it.hosts.set('m.example', origin)
      it.hosts.set('bad.example', async (request) => {
        const answer = await origin(request)
        const bytes = new Uint8Array(await answer.arrayBuffer())
        const headers = { 'content-type': answer.headers.get('content-type') ?? '' }
        return request.method === 'GET' ? new Response(new Uint8Array(wrong(bytes)), { headers }) : answer
      })
      await pull(it)
      assert.ok(it.asked.some((line) => line.startsWith('GET bad.example')))
      assert.ok(it.asked.every((line) => !line.includes(' origin.example')))
      const event = it.events.find((each) => each.kind === 'mirror-failed')
      assert.match(event?.kind === 'mirror-failed' ? event.reason : '', /^it gave (?:more than )?/)
    })
  }

  for (const to of ['a store', 'a registry'] as const) {
    test(`that gives wrong bytes of a large blob, which is streamed to ${to}, is passed over for the next one`, async () => {
      const it = await world(['bad.example', 'broken.example', 'm.example'])
      const origin = it.hosts.get('origin.example') ?? assert.fail()
      const bytes = bytesOf(77, 5 * 1024 * 1024)
      const blob = { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length }
      await it.repository.put(blob, readerOf(bytes))
      it.asked.length = 0
      const wrong = (change: (bytes: Uint8Array) => Uint8Array) => async (request: Request) => {
        const answer = await origin(request)
        return request.method === 'GET' ? new Response(new Uint8Array(change(await answer.bytes()))) : answer
      }
      it.hosts.set(
        'bad.example',
        wrong((all) => all.map((byte, at) => (at > 3_000_000 ? byte ^ 1 : byte))),
      )
      it.hosts.set(
        'broken.example',
        wrong((all) => Buffer.concat([all, all])),
      )
      it.hosts.set('m.example', origin)
      const other = registryOf()
      const client = createRegistryClient({ fetch: other.handle, credentials: async () => undefined })
      const sink =
        to === 'a store' ? new MemoryStore(codec) : client.repository({ registry: 'other.example', repository: 'to' })
      await copy({ open: (descriptor, options) => it.repository.open(descriptor, options) }, sink, blob)
      assert.equal(await sink.has(blob), true)
      assert.deepEqual(
        it.asked.filter((line) => line.startsWith('GET')).map((line) => line.split(/[ /]/)[1]),
        ['bad.example', 'broken.example', 'm.example'],
      )
      const failed = it.events.flatMap((event) => (event.kind === 'mirror-failed' ? [event.reason] : []))
      assert.deepEqual([...new Set(failed)], ['it gave wrong bytes'])
    })
  }

  test('that gives wrong bytes is told when the registry gives them too', async () => {
    const it = await world(['m.example'])
    const bytes = bytesOf(78, 5 * 1024 * 1024)
    const blob = { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length }
    for (const host of ['m.example', 'origin.example'])
      it.hosts.set(host, () => new Response(new Uint8Array(bytes.length)))
    const store = new MemoryStore(codec)
    await assert.rejects(copy(it.repository, store, blob), { code: 'DIGEST_MISMATCH' })
    assert.equal(await store.has(blob), false)
  })

  test('is named when the registry itself cannot help either', async () => {
    const it = await world(['m.example'])
    it.hosts.set('m.example', () => new Response('', { status: 502 }))
    const error = await it.repository.find('nothing').catch((reason: unknown) => reason)
    assert.ok(error instanceof RegistryError && error.code === 'MANIFEST_UNKNOWN')
    assert.match(error.message, /its mirrors could not help: m\.example: it answered 502$/)
  })
})
