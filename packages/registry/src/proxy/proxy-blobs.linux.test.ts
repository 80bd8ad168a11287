import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { get } from 'node:http'
import { after, describe, test } from 'node:test'
import { digestOf } from '@gantry/codec'
import { push } from '../fixtures/registry-fixture.ts'
import { serveRegistry } from '../serve-registry.ts'
import { answerWeb } from '../web-adapter.ts'
import { ProxyWorld } from './fixtures/proxy-world.ts'
import type { TestCache } from './fixtures/proxy-world.ts'

const world = new ProxyWorld()
after(() => world[Symbol.asyncDispose]())

const big = randomBytes(5_000_000)
const digest = digestOf(big)
const path = `/v2/hub/a/b/blobs/${digest}`

const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())

/** Reads until so many bytes have come, and hangs up. */
function readSome(cache: TestCache, from: string, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = get(`${cache.served.address}${from}`, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        if (Buffer.concat(chunks).length < length) return
        response.destroy()
        resolve(Buffer.concat(chunks).subarray(0, length))
      })
      response.on('error', () => undefined)
    })
    request.on('error', reject)
  })
}

for (const disk of [true, false]) {
  describe(`blobs of an upstream, cached ${disk ? 'on disk' : 'in memory'}`, () => {
    test('the first pull streams while it fills, and simultaneous misses are one request', async () => {
      const upstream = await world.upstream()
      await push(upstream.registry, big)
      const gate = Promise.withResolvers<void>()
      upstream.fault = () => ({ stopAt: 3_000_000, until: gate.promise })
      const cache = await world.cache([upstream], { disk })
      const pulls = Array.from({ length: 8 }, () => cache.get(path))
      const responses = await Promise.all(pulls)
      // The upstream is stopped in the middle: whoever gets these bytes gets them while it fills.
      const early = await readSome(cache, path, 2_500_000)
      assert.ok(early.equals(big.subarray(0, 2_500_000)))
      gate.resolve()
      for (const response of responses) {
        assert.equal(response.status, 200)
        assert.equal(response.headers.get('content-length'), String(big.length))
        assert.equal(response.headers.get('docker-content-digest'), digest)
        assert.ok((await bytesOf(response)).equals(big))
      }
      assert.equal(upstream.count('GET', '/blobs/'), 1)
      await cache.proxy.idle()
      assert.ok((await bytesOf(await cache.get(path))).equals(big))
      assert.equal(upstream.asked.length, 1)
      assert.equal(cache.events.filter(({ kind }) => kind === 'cache-miss').length, 9)
      assert.equal(cache.events.filter(({ kind }) => kind === 'cache-hit').length, 1)
    })

    test('ranges work while it fills, open ones too, and those who hang up harm nobody', async () => {
      const upstream = await world.upstream()
      await push(upstream.registry, big)
      const gate = Promise.withResolvers<void>()
      upstream.fault = (request) =>
        request.header('range') === undefined ? { stopAt: 1_000_000, until: gate.promise } : undefined
      const cache = await world.cache([upstream], { disk })
      const whole = await cache.get(path, { range: 'bytes=0-' })
      assert.equal(whole.status, 206)
      assert.equal(whole.headers.get('content-range'), `bytes 0-${big.length - 1}/${big.length}`)
      const middle = await cache.get(path, { range: 'bytes=500000-599999' })
      assert.equal(middle.status, 206)
      assert.ok((await bytesOf(middle)).equals(big.subarray(500_000, 600_000)))
      const waiting = await cache.get(path, { range: 'bytes=2000000-' })
      const last = await cache.get(path, { range: 'bytes=-10' })
      assert.equal((await cache.get(path, { range: `bytes=${big.length}-` })).status, 416)
      await readSome(cache, path, 10)
      gate.resolve()
      assert.ok((await bytesOf(waiting)).equals(big.subarray(2_000_000)))
      assert.ok((await bytesOf(last)).equals(big.subarray(-10)))
      assert.ok((await bytesOf(whole)).equals(big))
      assert.equal(upstream.asked.length, 1)
    })

    test('a far range is fetched by itself, and the fill catches up', async () => {
      const upstream = await world.upstream()
      await push(upstream.registry, big)
      const gate = Promise.withResolvers<void>()
      upstream.fault = (request) =>
        request.header('range') === undefined ? { stopAt: 10_000, until: gate.promise } : undefined
      const cache = await world.cache([upstream], { disk, config: { farRange: 1_000_000 } })
      const whole = await cache.get(path)
      const far = await cache.get(path, { range: 'bytes=4000000-4000099' })
      assert.ok((await bytesOf(far)).equals(big.subarray(4_000_000, 4_000_100)))
      assert.equal(upstream.asked.at(-1)?.header('range'), 'bytes=4000000-4000099')
      gate.resolve()
      assert.ok((await bytesOf(whole)).equals(big))
      assert.equal(upstream.asked.length, 2)
    })

    test('a transfer that breaks is resumed where it broke', async () => {
      const upstream = await world.upstream()
      await push(upstream.registry, big)
      const cuts = [1_234_567, 1_000_001, 64_000]
      upstream.fault = (_, count) => {
        const cutAt = cuts[count]
        return cutAt === undefined ? undefined : { cutAt }
      }
      const cache = await world.cache([upstream], { disk })
      assert.ok((await bytesOf(await cache.get(path))).equals(big))
      // The last bytes before a cut may be lost with the connection.
      const starts = upstream.asked.map((request) =>
        Number(/^bytes=(\d+)-/.exec(request.header('range') ?? '')?.[1] ?? 0),
      )
      assert.equal(starts.length, 4)
      assert.deepEqual(
        starts,
        starts.toSorted((one, other) => one - other),
      )
      assert.ok((starts[3] ?? 0) > 1_000_000)
    })

    test('wrong bytes never become visible, and the client sees a broken stream', async () => {
      const upstream = await world.upstream()
      await push(upstream.registry, big)
      upstream.fault = () => ({ wrongAt: 4_999_999 })
      const cache = await world.cache([upstream], { disk })
      const response = await cache.get(path)
      assert.equal(response.status, 200)
      await assert.rejects(response.arrayBuffer())
      await cache.proxy.idle()
      upstream.fault = undefined
      const asked = upstream.asked.length
      assert.ok((await bytesOf(await cache.get(path))).equals(big))
      assert.equal(upstream.asked.length, asked + 1)
    })

    test('a small blob that is wrong is an error, not a broken answer', async () => {
      const upstream = await world.upstream()
      const small = randomBytes(1000)
      await push(upstream.registry, small)
      upstream.fault = () => ({ wrongAt: 5 })
      const cache = await world.cache([upstream], { disk })
      const response = await cache.get(`/v2/hub/a/b/blobs/${digestOf(small)}`)
      assert.equal(response.status, 502)
      assert.equal(((await response.json()) as { errors: { code: string }[] }).errors[0]?.code, 'UNKNOWN')
    })

    test('a client that hangs up does not stop the fill', async () => {
      const upstream = await world.upstream()
      await push(upstream.registry, big)
      const cache = await world.cache([upstream], { disk })
      await readSome(cache, path, 1000)
      await cache.proxy.idle()
      assert.ok((await bytesOf(await cache.get(path))).equals(big))
      assert.equal(upstream.asked.length, 1)
    })

    test('a fill that nobody waits for is given up where that is configured', async () => {
      const upstream = await world.upstream()
      await push(upstream.registry, big)
      const gate = Promise.withResolvers<void>()
      upstream.fault = (_, count) => (count === 0 ? { stopAt: 2_000_000, until: gate.promise } : undefined)
      const cache = await world.cache([upstream], { disk, config: { finishFills: false } })
      await readSome(cache, path, 1000)
      await cache.proxy.idle()
      assert.ok((await bytesOf(await cache.get(path))).equals(big))
      assert.equal(upstream.asked.length, 2)
      gate.resolve()
    })
  })
}

describe('blobs of an upstream', () => {
  test('an upstream that falls silent in the middle is asked again for the rest', async () => {
    const upstream = await world.upstream()
    await push(upstream.registry, big)
    const silent = { stopAt: 3_000_000, until: new Promise<void>(() => undefined) }
    upstream.fault = (_, count) => (count === 0 ? silent : undefined)
    const cache = await world.cache([upstream], { disk: true, upstream: { timeout: '800ms' } })
    assert.ok((await bytesOf(await cache.get(path))).equals(big))
    assert.match(upstream.asked[1]?.header('range') ?? '', /^bytes=2[0-9]{6}-4999999$|^bytes=3000000-4999999$/)
  })

  test('a client that waits for the upstream is not taken for one that is gone', async () => {
    const upstream = await world.upstream()
    await push(upstream.registry, big)
    const gate = Promise.withResolvers<void>()
    upstream.fault = () => ({ stopAt: 1_000_000, until: gate.promise })
    const cache = await world.cache([upstream])
    const served = await serveRegistry({ registry: cache, port: 0, idleTimeout: 400 })
    after(() => served.close({ timeout: 0 }))
    const response = await fetch(`${served.address}${path}`)
    setTimeout(() => gate.resolve(), 1200)
    assert.ok((await bytesOf(response)).equals(big))
  })

  test('whoever comes at the very end of a fill gets the blob too, for one request', async () => {
    const upstream = await world.upstream()
    const blob = randomBytes(200_000)
    await push(upstream.registry, blob)
    const cache = await world.cache([upstream], { disk: true })
    const at = `/v2/hub/a/b/blobs/${digestOf(blob)}`
    const pulls: Promise<Buffer>[] = []
    let isDone = false
    const first = cache.get(at).then(bytesOf)
    void first.then(() => (isDone = true))
    while (!isDone) {
      pulls.push(cache.get(at).then(bytesOf))
      await new Promise((resolve) => setImmediate(resolve))
    }
    for (const bytes of await Promise.all(pulls)) assert.ok(bytes.equals(blob))
    assert.equal(upstream.count('GET', '/blobs/'), 1)
  })

  test('an answer that is read without a socket is whole', async () => {
    const upstream = await world.upstream()
    await push(upstream.registry, big)
    const cache = await world.cache([upstream])
    const response = await answerWeb(cache.answer, new Request(`http://registry${path}`))
    assert.ok((await bytesOf(response)).equals(big))
  })

  test('a range that a mirror gets wrong is not taken', async () => {
    const upstream = await world.upstream()
    await push(upstream.registry, big)
    upstream.fault = (_, count) => {
      if (count === 0) return { cutAt: 2_000_000 }
      if (count > 1) return undefined
      return {
        change: (response) => ({
          ...response,
          headers: { ...response.headers, 'Content-Range': `bytes 4000000-4999999/${big.length}` },
        }),
      }
    }
    const cache = await world.cache([upstream])
    assert.ok((await bytesOf(await cache.get(path))).equals(big))
    assert.equal(upstream.asked.length, 3)
  })

  test('a storm of HEADs is one request, and nothing is fetched', async () => {
    const upstream = await world.upstream()
    await push(upstream.registry, big)
    const cache = await world.cache([upstream])
    const head = (): Promise<Response> => fetch(`${cache.served.address}${path}`, { method: 'HEAD' })
    const responses = await Promise.all(Array.from({ length: 20 }, head))
    for (const response of [...responses, await head()]) {
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('content-length'), String(big.length))
    }
    assert.deepEqual([upstream.count('HEAD', '/blobs/'), upstream.asked.length], [1, 1])
  })

  test('what is not there is 404, and remembered for a short time', async () => {
    const upstream = await world.upstream()
    const cache = await world.cache([upstream])
    for (let count = 0; count < 3; count++) {
      const response = await cache.get(path)
      assert.equal(response.status, 404)
      assert.equal(((await response.json()) as { errors: { code: string }[] }).errors[0]?.code, 'BLOB_UNKNOWN')
    }
    assert.equal(upstream.asked.length, 1)
    cache.now += 60_000
    await push(upstream.registry, big)
    assert.equal((await bytesOf(await cache.get(path))).length, big.length)
  })

  test('a blob that another repository brought is shown only when the upstream has it here too', async () => {
    const upstream = await world.upstream()
    await push(upstream.registry, big)
    const cache = await world.cache([upstream])
    await bytesOf(await cache.get(path))
    await cache.proxy.idle()
    assert.equal((await cache.get(`/v2/hub/other/blobs/${digest}`)).status, 404)
    assert.equal((await cache.get(`/v2/hub/private/blobs/${digest}`)).status, 404)
    cache.now += 60_000
    await push(upstream.registry, big, 'other')
    assert.ok((await bytesOf(await cache.get(`/v2/hub/other/blobs/${digest}`))).equals(big))
    assert.equal(upstream.count('GET', '/blobs/'), 1)
  })

  test('a blob without a length is followed to its end', async () => {
    const upstream = await world.upstream()
    await push(upstream.registry, big)
    upstream.fault = () => ({
      change: (response) => {
        const { 'Content-Length': _length, ...headers } = response.headers
        return { ...response, headers }
      },
    })
    const cache = await world.cache([upstream], { disk: true })
    const response = await cache.get(path)
    assert.equal(response.headers.get('content-length'), null)
    assert.ok((await bytesOf(response)).equals(big))
    await cache.proxy.idle()
    assert.equal((await cache.get(path)).headers.get('content-length'), String(big.length))
  })
})
