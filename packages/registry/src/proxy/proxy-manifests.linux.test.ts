import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { MediaType } from '@gantry/oci'
import { imageDocument, pushManifest } from '../fixtures/registry-fixture.ts'
import type { Pushed } from '../fixtures/registry-fixture.ts'
import { ProxyWorld } from './fixtures/proxy-world.ts'
import type { TestCache, TestUpstream } from './fixtures/proxy-world.ts'

const world = new ProxyWorld()
after(() => world[Symbol.asyncDispose]())

const minute = 60_000
const path = '/v2/hub/a/b/manifests/latest'

async function pushImage(upstream: TestUpstream, seed: string, reference = 'latest'): Promise<Pushed> {
  return pushManifest(upstream.registry, await imageDocument(upstream.registry, seed), { reference })
}

const digestOfAnswer = (response: Response): string => response.headers.get('docker-content-digest') ?? ''

async function setUp(
  options: Parameters<ProxyWorld['cache']>[1] = {},
): Promise<{ upstream: TestUpstream; cache: TestCache; image: Pushed }> {
  const upstream = await world.upstream()
  const image = await pushImage(upstream, 'one')
  return { upstream, image, cache: await world.cache([upstream], options) }
}

async function drain(response: Response): Promise<Response> {
  await response.arrayBuffer()
  return response
}

describe('manifests of an upstream', () => {
  test('simultaneous misses are one request, and what came is the core’s', async () => {
    const { upstream, cache, image } = await setUp()
    const responses = await Promise.all(Array.from({ length: 10 }, () => cache.get(path)))
    for (const response of responses) {
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('content-type'), MediaType.imageManifest)
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(image.bytes))
    }
    assert.equal(upstream.asked.length, 1)
    await drain(await cache.get(path))
    await drain(await cache.get(`/v2/hub/a/b/manifests/${image.descriptor.digest}`))
    assert.equal(upstream.asked.length, 1)
    const { repositories } = (await (await cache.get('/v2/_catalog')).json()) as { repositories: string[] }
    assert.deepEqual(repositories, ['hub/a/b'])
  })

  test('a storm of HEADs is one HEAD; a GET then fetches what it said', async () => {
    const { upstream, cache, image } = await setUp()
    const head = (): Promise<Response> => fetch(`${cache.served.address}${path}`, { method: 'HEAD' })
    for (const response of await Promise.all(Array.from({ length: 10 }, head))) {
      assert.equal(response.status, 200)
      assert.equal(digestOfAnswer(response), image.descriptor.digest)
      assert.equal(response.headers.get('content-length'), String(image.bytes.length))
    }
    await head()
    assert.deepEqual([upstream.count('HEAD', '/manifests/'), upstream.asked.length], [1, 1])
    await drain(await cache.get(path))
    await head()
    assert.equal(upstream.asked.length, 2)
  })

  test('an old tag is given out at once and asked for in the background; a tag that moved is consistent', async () => {
    const { upstream, cache, image } = await setUp()
    await drain(await cache.get(path))
    cache.now += 4 * minute
    await drain(await cache.get(path))
    assert.equal(upstream.asked.length, 1)
    const second = await pushImage(upstream, 'two')
    cache.now += 2 * minute
    const stale = await drain(await cache.get(path))
    assert.equal(digestOfAnswer(stale), image.descriptor.digest)
    assert.equal(stale.headers.get('warning'), null)
    await cache.proxy.idle()
    assert.equal(upstream.count('HEAD', '/manifests/latest'), 1)
    const fresh = await cache.get(path)
    assert.equal(digestOfAnswer(fresh), second.descriptor.digest)
    const { config } = (await fresh.json()) as { config: { digest: string } }
    assert.equal((await drain(await cache.get(`/v2/hub/a/b/blobs/${config.digest}`))).status, 200)
    // The manifest of before is still there, for who is in the middle of pulling it.
    assert.equal((await drain(await cache.get(`/v2/hub/a/b/manifests/${image.descriptor.digest}`))).status, 200)
    assert.equal(cache.events.filter(({ kind }) => kind === 'cache-stale').length, 1)
  })

  test('revalidation that finds nothing new costs one HEAD', async () => {
    const { upstream, cache } = await setUp({ upstream: { staleWhileRevalidate: '0s' } })
    await drain(await cache.get(path))
    cache.now += 6 * minute
    await Promise.all(Array.from({ length: 10 }, async () => drain(await cache.get(path))))
    await drain(await cache.get(path))
    assert.deepEqual([upstream.count('HEAD', ''), upstream.asked.length], [1, 2])
  })

  test('a very old tag waits for the upstream', async () => {
    const { upstream, cache } = await setUp()
    await drain(await cache.get(path))
    const second = await pushImage(upstream, 'two')
    cache.now += 120 * minute
    assert.equal(digestOfAnswer(await drain(await cache.get(path))), second.descriptor.digest)
  })

  const failures = {
    'answers 429': { status: 429, headers: { 'Retry-After': '600' } },
    'answers 500': { status: 500 },
    'answers 503': { status: 503 },
    'is silent': { until: new Promise<void>(() => undefined) },
  } as const
  for (const [name, fault] of Object.entries(failures)) {
    test(`cached content is served when the upstream ${name}`, async () => {
      const { upstream, cache, image } = await setUp({ upstream: { staleWhileRevalidate: '0s', timeout: '800ms' } })
      await drain(await cache.get(path))
      upstream.fault = () => fault
      cache.now += 6 * minute
      const response = await drain(await cache.get(path))
      assert.equal(response.status, 200)
      assert.equal(digestOfAnswer(response), image.descriptor.digest)
      assert.match(response.headers.get('warning') ?? '', /^299 - "[^"]*from the cache"$/)
      // It is left alone for a while.
      const asked = upstream.asked.length
      await drain(await cache.get(path))
      assert.equal(upstream.asked.length, asked)
      upstream.fault = undefined
      cache.now += 11 * minute
      assert.equal((await drain(await cache.get(path))).headers.get('warning'), null)
      assert.ok(upstream.asked.length > asked)
    })
  }

  test('cached content is served when nothing listens any more', async () => {
    const { upstream, cache } = await setUp({ upstream: { staleWhileRevalidate: '0s' } })
    await drain(await cache.get(path))
    await upstream.served.close({ timeout: 0 })
    cache.now += 6 * minute
    const response = await drain(await cache.get(path))
    assert.equal(response.status, 200)
    assert.match(response.headers.get('warning') ?? '', /^299 /)
  })

  test('what is not cached is refused with 429 until the upstream said to come back, without asking', async () => {
    const { upstream, cache } = await setUp()
    upstream.fault = () => ({ status: 429, headers: { 'Retry-After': '90' } })
    for (let count = 0; count < 3; count++) {
      const response = await drain(await cache.get(path))
      assert.equal(response.status, 429)
      assert.equal(response.headers.get('retry-after'), '90')
    }
    assert.equal(upstream.asked.length, 1)
    upstream.fault = undefined
    cache.now += 91_000
    assert.equal((await drain(await cache.get(path))).status, 200)
  })

  test('what is not cached is 502 when the upstream fails, 504 when it is silent', async () => {
    const { upstream, cache } = await setUp({ upstream: { timeout: '800ms' } })
    upstream.fault = () => ({ status: 500 })
    assert.equal((await drain(await cache.get(path))).status, 502)
    upstream.fault = () => ({ until: new Promise<void>(() => undefined) })
    assert.equal((await drain(await cache.get(path))).status, 504)
  })

  test('a failure that passes is not seen', async () => {
    const { upstream, cache } = await setUp()
    upstream.fault = (_, count) => (count === 0 ? { status: 503 } : undefined)
    assert.equal((await drain(await cache.get(path))).status, 200)
  })

  test('what was asked for as engines do, HEAD by tag and GET by digest, is served by tag when the upstream is gone', async () => {
    const { upstream, cache, image } = await setUp({ upstream: { staleWhileRevalidate: '0s' } })
    const head = (): Promise<Response> => fetch(`${cache.served.address}${path}`, { method: 'HEAD' })
    const { digest } = image.descriptor
    assert.equal(digestOfAnswer(await head()), digest)
    assert.equal((await drain(await cache.get(`/v2/hub/a/b/manifests/${digest}`))).status, 200)
    upstream.fault = () => ({ status: 503 })
    cache.now += 60 * minute
    const again = await head()
    assert.deepEqual([again.status, digestOfAnswer(again)], [200, digest])
    assert.match(again.headers.get('warning') ?? '', /^299 - "the upstream/)
    assert.equal((await drain(await cache.get(path))).status, 200)
  })

  test('404 passes, is remembered for a short time, and takes the tag away', async () => {
    const { upstream, cache, image } = await setUp({ upstream: { staleWhileRevalidate: '0s' } })
    await drain(await cache.get(path))
    for (let count = 0; count < 3; count++) {
      assert.equal((await drain(await cache.get('/v2/hub/a/b/manifests/none'))).status, 404)
    }
    assert.equal(upstream.asked.length, 2)
    assert.equal(
      (await upstream.registry.handle(new Request('http://x/v2/a/b/manifests/latest', { method: 'DELETE' }))).status,
      202,
    )
    cache.now += 6 * minute
    assert.equal((await drain(await cache.get(path))).status, 404)
    assert.equal((await drain(await cache.get(`/v2/hub/a/b/manifests/${image.descriptor.digest}`))).status, 200)
  })

  test('bytes that are not the digest’s are refused, and nothing of them stays', async () => {
    const { upstream, cache, image } = await setUp()
    upstream.fault = () => ({ wrongAt: 20 })
    const byDigest = `/v2/hub/a/b/manifests/${image.descriptor.digest}`
    assert.equal((await drain(await cache.get(byDigest))).status, 502)
    assert.equal((await drain(await cache.get(path))).status, 502)
    upstream.fault = undefined
    assert.deepEqual(Buffer.from(await (await cache.get(byDigest)).arrayBuffer()), Buffer.from(image.bytes))
  })

  test('an index is cached without its children, which come when somebody wants them', async () => {
    const upstream = await world.upstream()
    const image = await pushImage(upstream, 'one', 'one')
    const other = await pushImage(upstream, 'two', 'two')
    const manifests = [image.descriptor, other.descriptor]
    await pushManifest(upstream.registry, { manifests }, { mediaType: MediaType.imageIndex })
    const cache = await world.cache([upstream])
    assert.equal((await drain(await cache.get(path))).headers.get('content-type'), MediaType.imageIndex)
    assert.equal(upstream.asked.length, 1)
    assert.equal((await drain(await cache.get(`/v2/hub/a/b/manifests/${image.descriptor.digest}`))).status, 200)
    assert.equal(upstream.asked.length, 2)
  })

  test('a background refresh is not tried while the quota is spent', async () => {
    const { upstream, cache } = await setUp({ upstream: { tagLifetime: '10s' } })
    upstream.fault = () => ({
      change: (response) => ({ ...response, headers: { ...response.headers, 'RateLimit-Remaining': '0;w=21600' } }),
    })
    await drain(await cache.get(path))
    cache.now += 30_000
    await drain(await cache.get(path))
    await cache.proxy.idle()
    assert.equal(upstream.asked.length, 1)
    cache.now += 60_000
    await drain(await cache.get(path))
    await cache.proxy.idle()
    assert.equal(upstream.asked.length, 2)
  })
})
