import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { digestOf } from '@gantry/codec'
import { MemoryStore } from '@gantry/image'
import { encodeJson, MediaType } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import { openState } from '@gantry/state'
import { testCodec } from '@gantry/testing'
import { createRegistry } from '../create-registry.ts'
import type { Answer } from '../exchange.ts'
import { memoryStorage } from '../memory-storage.ts'
import type { Principal } from '../principal.ts'
import { registryMigrations } from '../registry-migrations.ts'
import { createLimits } from './create-limits.ts'
import { parseLimitsConfig } from './limits-config.ts'

const opened: AsyncDisposableStack = new AsyncDisposableStack()
after(() => opened.disposeAsync())

interface World {
  readonly answer: Answer
  readonly clock: { now: number }
}

function world(config: unknown): World {
  const state = opened.use(openState(':memory:', registryMigrations))
  const codec = testCodec()
  const storage = memoryStorage(new MemoryStore(codec), codec)
  const registry = opened.use(createRegistry({ storage, state }))
  const clock = { now: 0 }
  const limits = createLimits({ config: parseLimitsConfig(config), state, storage, now: () => clock.now })
  return { answer: limits.beforeAccess(limits.afterAccess(registry.answer)), clock }
}

interface Asked {
  readonly as?: string
  readonly peer?: string
  readonly body?: Uint8Array
  /** Without a length. */
  readonly chunked?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

async function ask({ answer }: World, line: string, asked: Asked = {}): Promise<Answered> {
  const [method = '', target = ''] = line.split(' ')
  const [path = '', query = ''] = target.split('?')
  const { as, peer = '192.0.2.1', body = new Uint8Array(), chunked = false, headers = {} } = asked
  const sent: Record<string, string> = { ...headers, ...(chunked ? {} : { 'content-length': String(body.length) }) }
  const principal: Principal | undefined =
    as === undefined ? undefined : { name: as, kind: 'user', user: as, may: () => true }
  const response = await answer({
    method,
    path,
    query: new URLSearchParams(query),
    header: (name) => sent[name],
    body: (async function* () {
      for (let at = 0; at < body.length; at += 100) yield body.subarray(at, at + 100)
    })(),
    peer,
    ...(principal === undefined ? {} : { principal }),
  })
  const text = response.body instanceof Uint8Array ? Buffer.from(response.body).toString() : ''
  return { status: response.status, headers: response.headers, text }
}

const bytes = (size: number, seed = 'x'): Buffer => Buffer.alloc(size, seed)

async function pushBlob(on: World, repository: string, body: Buffer, asked: Asked = {}): Promise<Answered> {
  return ask(on, `POST /v2/${repository}/blobs/uploads/?digest=${digestOf(body)}`, { body, ...asked })
}

function manifestOf(config: Buffer): Buffer {
  const descriptor = { mediaType: MediaType.imageConfig, digest: digestOf(config), size: config.length }
  return Buffer.from(
    encodeJson({ schemaVersion: 2, mediaType: MediaType.imageManifest, config: descriptor, layers: [] }),
  )
}

async function pushManifest(on: World, reference: string, body: Buffer, asked: Asked = {}): Promise<Answered> {
  const headers = { 'content-type': MediaType.imageManifest }
  return ask(on, `PUT /v2/app/manifests/${reference}`, { body, headers, ...asked })
}

describe('rates', () => {
  test('of an address are refilled with time, and are its own', async () => {
    const on = world({ rates: [{ per: 'peer', requests: 2, within: '10s' }] })
    const status = async (peer = '192.0.2.1'): Promise<number> => (await ask(on, 'GET /v2/', { peer })).status
    assert.deepEqual([await status(), await status(), await status()], [200, 200, 429])
    assert.equal(await status('192.0.2.2'), 200)
    const refused = await ask(on, 'GET /v2/')
    assert.match(refused.text, /TOOMANYREQUESTS/)
    assert.equal(refused.headers['Retry-After'], '5')
    on.clock.now += 4999
    assert.equal(await status(), 429)
    on.clock.now += 1
    assert.deepEqual([await status(), await status()], [200, 429])
    on.clock.now += 3_600_000
    assert.deepEqual([await status(), await status(), await status()], [200, 200, 429])
  })

  test('of a user are the same wherever they come from, and of some methods only', async () => {
    const on = world({ rates: [{ per: 'principal', methods: ['POST'], requests: 1, within: '1m', burst: 2 }] })
    const post = async (asked: Asked): Promise<number> => (await ask(on, 'POST /v2/a/blobs/uploads/', asked)).status
    assert.equal(await post({ as: 'alice' }), 202)
    assert.equal(await post({ as: 'alice', peer: '192.0.2.2' }), 202)
    assert.equal(await post({ as: 'alice', peer: '192.0.2.3' }), 429)
    assert.equal(await post({ as: 'bob' }), 202)
    assert.equal(await post({}), 202)
    assert.equal((await ask(on, 'GET /v2/', { as: 'alice' })).status, 200)
  })
})

describe('sizes', () => {
  const limits = { maxBlobSize: 1000, maxManifestSize: 400 }

  test('of a blob at once are refused before and while it comes', async () => {
    const on = world(limits)
    assert.equal((await pushBlob(on, 'app', bytes(1000))).status, 201)
    for (const chunked of [false, true]) {
      const refused = await pushBlob(on, 'app', bytes(1001), { chunked })
      assert.equal(refused.status, 413)
      assert.match(refused.text, /SIZE_INVALID.*at most 1000 bytes/)
    }
    assert.equal((await ask(on, `HEAD /v2/app/blobs/${digestOf(bytes(1001))}`)).status, 404)
  })

  test('of a blob in parts count together, and the upload ends', async () => {
    for (const chunked of [false, true]) {
      const on = world(limits)
      const start = async (): Promise<string> =>
        (await ask(on, 'POST /v2/app/blobs/uploads/')).headers['Location'] ?? ''
      const patch = async (location: string, size: number): Promise<number> =>
        (await ask(on, `PATCH ${location}`, { body: bytes(size), chunked })).status
      const small = await start()
      assert.deepEqual([await patch(small, 600), await patch(small, 400)], [202, 202])
      assert.equal((await ask(on, `PUT ${small}?digest=${digestOf(bytes(1000))}`)).status, 201)
      const large = await start()
      assert.deepEqual([await patch(large, 600), await patch(large, 401)], [202, 413])
      assert.equal((await ask(on, `GET ${large}`)).status, 404)
      const last = await start()
      await patch(last, 600)
      const body = bytes(401)
      assert.equal((await ask(on, `PUT ${last}?digest=${digestOf(bytes(1001))}`, { body, chunked })).status, 413)
    }
  })

  test('of a manifest', async () => {
    const on = world(limits)
    await pushBlob(on, 'app', bytes(10))
    assert.equal((await pushManifest(on, '1', manifestOf(bytes(10)))).status, 201)
    const large = Buffer.concat([manifestOf(bytes(10)), Buffer.alloc(400, ' ')])
    for (const chunked of [false, true]) assert.equal((await pushManifest(on, '2', large, { chunked })).status, 413)
  })
})

describe('how many', () => {
  test('repositories there may be', async () => {
    const on = world({ maxRepositories: 2 })
    for (const name of ['a', 'b', 'a']) assert.equal((await pushBlob(on, name, bytes(10))).status, 201)
    const refused = await pushBlob(on, 'c', bytes(10))
    assert.equal(refused.status, 403)
    assert.match(refused.text, /"code":"DENIED".*"detail":\{"limit":2\}/)
    assert.equal((await ask(on, 'POST /v2/c/blobs/uploads/')).status, 403)
  })

  test('uploads may be under way', async () => {
    const waiting = Promise.withResolvers<void>()
    const slow: Answer = async () => {
      await waiting.promise
      return { status: 299, headers: {} }
    }
    const state = opened.use(openState(':memory:', registryMigrations))
    const config = parseLimitsConfig({ uploads: { total: 3, each: 2 } })
    const limits = createLimits({ config, state, storage: { size: async () => undefined } })
    const on = { answer: limits.afterAccess(slow), clock: { now: 0 } }
    const post = (as: string): Promise<Answered> => ask(on, 'POST /v2/a/blobs/uploads/', { as })
    const let1 = [post('alice'), post('alice')]
    assert.equal((await post('alice')).status, 429)
    const let2 = post('bob')
    const refused = await post('carol')
    assert.equal(refused.status, 429)
    assert.equal(refused.headers['Retry-After'], '1')
    waiting.resolve()
    for (const answer of await Promise.all([...let1, let2])) assert.equal(answer.status, 299)
    assert.equal((await post('carol')).status, 299)
  })
})

describe('quotas', () => {
  test('count each blob once, and what is mounted too', async () => {
    const on = world({ quotas: [{ repositories: ['team/**'], bytes: 1000 }] })
    assert.equal((await pushBlob(on, 'team/a', bytes(600))).status, 201)
    assert.equal((await pushBlob(on, 'team/b', bytes(600))).status, 201, 'the same bytes count once')
    const refused = await pushBlob(on, 'team/a', bytes(401))
    assert.equal(refused.status, 403)
    assert.match(refused.text, /"code":"DENIED".*"detail":\{"quota":1000,"used":600\}/)
    assert.equal((await pushBlob(on, 'team/a', bytes(401), { chunked: true })).status, 403)
    assert.equal((await pushBlob(on, 'other', bytes(401))).status, 201)
    const mount = (size: number): string => `POST /v2/team/a/blobs/uploads/?mount=${digestOf(bytes(size))}&from=other`
    assert.equal((await ask(on, mount(401))).status, 403)
    assert.equal((await pushBlob(on, 'other', bytes(400))).status, 201)
    assert.equal((await ask(on, mount(400))).status, 201)
    assert.equal((await pushBlob(on, 'team/a', bytes(1))).status, 403)
    assert.equal((await ask(on, `DELETE /v2/team/a/blobs/${digestOf(bytes(400))}`)).status, 202)
    assert.equal((await pushBlob(on, 'team/a', bytes(1))).status, 201)
  })

  test('are kept by uploads in parts, and by those at the same time', async () => {
    const on = world({ quotas: [{ repositories: ['**'], bytes: 1000 }] })
    const pushes = await Promise.all(['a', 'b', 'c', 'd'].map((seed) => pushBlob(on, 'app', bytes(400, seed))))
    assert.deepEqual(
      pushes.map(({ status }) => status).sort((a, b) => a - b),
      [201, 201, 403, 403],
    )
    const location = (await ask(on, 'POST /v2/app/blobs/uploads/')).headers['Location'] ?? ''
    assert.equal((await ask(on, `PATCH ${location}`, { body: bytes(200), chunked: true })).status, 202)
    assert.equal((await ask(on, `PATCH ${location}`, { body: bytes(1), chunked: true })).status, 403)
    assert.equal((await ask(on, `GET ${location}`)).status, 404)
  })

  test('of each user are for what is theirs, or for what they pushed', async () => {
    const home = world({ quotas: [{ repositories: ['{user}/**'], bytes: 500 }] })
    assert.equal((await pushBlob(home, 'alice/a', bytes(400), { as: 'alice' })).status, 201)
    assert.equal((await pushBlob(home, 'alice/b', bytes(101), { as: 'alice' })).status, 403)
    assert.equal((await pushBlob(home, 'bob/a', bytes(101), { as: 'bob' })).status, 201)
    const shared = world({ quotas: [{ repositories: ['**'], bytes: 500, per: 'principal' }] })
    assert.equal((await pushBlob(shared, 'app', bytes(400), { as: 'alice' })).status, 201)
    assert.equal((await pushBlob(shared, 'app', bytes(101), { as: 'alice' })).status, 403)
    assert.equal((await pushBlob(shared, 'app', bytes(101), { as: 'bob' })).status, 201)
    assert.equal((await pushBlob(shared, 'app', bytes(400, 'b'), { as: 'bob' })).status, 403)
  })
})

describe('immutable tags', () => {
  const config = { immutable: [{ repositories: ['app'], tags: ['v*'], except: ['v*-rc*'] }] }

  async function images(on: World): Promise<{ first: Buffer; second: Buffer; digest: Digest }> {
    for (const seed of ['a', 'b']) await pushBlob(on, 'app', bytes(10, seed))
    const first = manifestOf(bytes(10, 'a'))
    return { first, second: manifestOf(bytes(10, 'b')), digest: digestOf(first) }
  }

  test('are made once, and stay', async () => {
    const on = world(config)
    const { first, second, digest } = await images(on)
    assert.equal((await pushManifest(on, 'v1', first)).status, 201)
    assert.equal((await pushManifest(on, 'v1', first)).status, 201, 'the same again')
    const moved = await pushManifest(on, 'v1', second)
    assert.equal(moved.status, 403)
    assert.match(moved.text, /"code":"DENIED","message":"the tag v1 of app is immutable/)
    assert.equal((await pushManifest(on, `${digestOf(second)}?tag=new&tag=v1`, second)).status, 403)
    assert.equal((await ask(on, 'HEAD /v2/app/manifests/new')).status, 404, 'nothing of a refused request is done')
    assert.equal((await ask(on, 'DELETE /v2/app/manifests/v1')).status, 403)
    assert.equal((await ask(on, `DELETE /v2/app/manifests/${digest}`)).status, 403)
    const there = await ask(on, 'HEAD /v2/app/manifests/v1')
    assert.equal(there.headers['Docker-Content-Digest'], digest)
  })

  test('keep what they are made of', async () => {
    const on = world(config)
    const { first, second, digest } = await images(on)
    await pushManifest(on, digest, first)
    await pushManifest(on, digestOf(second), second)
    const type = 'application/vnd.oci.image.index.v1+json'
    const child = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: first.length }
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [child] }))
    const headers = { 'content-type': type }
    assert.equal((await ask(on, 'PUT /v2/app/manifests/v1', { body: index, headers })).status, 201)
    const refused = await ask(on, `DELETE /v2/app/manifests/${digest}`)
    assert.equal(refused.status, 403, refused.text)
    const blobs = (manifest: Buffer): string[] => {
      const { config: own, layers } = JSON.parse(manifest.toString()) as { config: Descriptor; layers: Descriptor[] }
      return [own, ...layers].map((each) => each.digest)
    }
    for (const blob of blobs(first)) assert.equal((await ask(on, `DELETE /v2/app/blobs/${blob}`)).status, 403)
    // What no such tag leads to can go, also when it was tagged by another one.
    assert.equal((await pushManifest(on, 'latest', second)).status, 201)
    const others = blobs(second).filter((blob) => !blobs(first).includes(blob))
    assert.ok(others.length > 0)
    for (const blob of others) assert.equal((await ask(on, `DELETE /v2/app/blobs/${blob}`)).status, 202)
  })

  test('leave others alone', async () => {
    const on = world(config)
    const { first, second } = await images(on)
    for (const tag of ['latest', 'v2-rc1']) {
      assert.equal((await pushManifest(on, tag, first)).status, 201)
      assert.equal((await pushManifest(on, tag, second)).status, 201)
      assert.equal((await ask(on, `DELETE /v2/app/manifests/${tag}`)).status, 202)
    }
    assert.equal((await ask(on, `DELETE /v2/app/manifests/${digestOf(first)}`)).status, 202)
  })

  test('are made by one of those who push at once', async () => {
    const on = world(config)
    const { first, second } = await images(on)
    const answers = await Promise.all([first, second].map((body) => pushManifest(on, 'v3', body)))
    assert.deepEqual(
      answers.map(({ status }) => status).sort((a, b) => a - b),
      [201, 403],
    )
  })
})

describe('parseLimitsConfig', () => {
  for (const [value, path] of [
    [{ rate: [] }, 'limits.rate'],
    [{ rates: [{ per: 'user', requests: 1, within: '1s' }] }, 'limits.rates[0].per'],
    [{ rates: [{ per: 'peer', requests: 0, within: '1s' }] }, 'limits.rates[0].requests'],
    [{ rates: [{ per: 'peer', requests: 1, within: '1s', methods: ['get'] }] }, 'limits.rates[0].methods[0]'],
    [{ maxBlobSize: '10XB' }, 'limits.maxBlobSize'],
    [{ quotas: [{ repositories: ['{usr}'], bytes: 1 }] }, 'limits.quotas[0].repositories[0]'],
    [{ immutable: [{ repositories: ['**'], tags: [] }] }, 'limits.immutable[0].tags'],
    [{ immutable: [{ repositories: ['{user}'], tags: ['*'] }] }, 'limits.immutable[0].repositories[0]'],
  ] as const) {
    test(`refuses ${JSON.stringify(value)} at ${path}`, () => {
      assert.throws(() => parseLimitsConfig(value), { code: 'CONFIG_INVALID', path })
    })
  }
})
