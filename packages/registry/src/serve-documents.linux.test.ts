import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { digestOf } from '@gantry/codec'
import { encodeJson, MediaType } from '@gantry/oci'
import { memoryRegistries } from './fixtures/registry-fixture.ts'
import { serveRegistry } from './index.ts'
import type { ServedRegistry } from './index.ts'

const registries = memoryRegistries()
let served: ServedRegistry

before(async () => {
  served = await serveRegistry({ registry: registries.make(), port: 0 })
})
after(async () => {
  await served.close({ timeout: 1000 })
  await registries.close()
})

describe('a registry whose clients send documents that nobody would write', () => {
  test('JSON that is nested without end is refused, and so is what would have to be decompressed', async () => {
    const put = async (body: Uint8Array, more: Record<string, string> = {}): Promise<number> => {
      const headers = { 'Content-Type': MediaType.imageManifest, ...more }
      const init = { method: 'PUT', headers, body: new Uint8Array(body) }
      return (await fetch(`${served.address}/v2/deep/manifests/x`, init)).status
    }
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
      ['{"layers":[', ']}'],
    ] as const) {
      assert.equal(await put(Buffer.from(open.repeat(200_000))), 400)
      assert.equal(await put(Buffer.from(`${open.repeat(200_000)}1${close.repeat(200_000)}`)), 400)
      const inside = `${open.repeat(100_000)}1${close.repeat(100_000)}`
      assert.equal(await put(Buffer.from(`{"schemaVersion":2,"config":${inside},"layers":${inside}}`)), 400)
    }
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '))
    assert.equal(await put(bomb, { 'Content-Encoding': 'gzip' }), 400)
    assert.ok((await fetch(`${served.address}/v2/`)).ok)
  })

  test('ten thousand tags are taken, listed in order, and leave', async () => {
    const document = encodeJson({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [] })
    const digest = digestOf(document)
    const path = `/v2/many/tags/manifests/${digest}`
    const names = Array.from({ length: 10_000 }, (_, at) => `t${String((at * 7919) % 10_000).padStart(5, '0')}`)
    for (let at = 0; at < names.length; at += 100) {
      const query = names.slice(at, at + 100).map((tag) => `tag=${tag}`)
      const headers = { 'Content-Type': MediaType.imageIndex }
      const init = { method: 'PUT', headers, body: Buffer.from(document) }
      assert.equal((await fetch(`${served.address}${path}?${query.join('&')}`, init)).status, 201)
    }
    const listed: string[] = []
    for (let next: string | undefined = '/v2/many/tags/tags/list?n=999'; next !== undefined;) {
      const response: Response = await fetch(`${served.address}${next}`)
      listed.push(...((await response.json()) as { tags: string[] }).tags)
      next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
    }
    assert.deepEqual(listed, names.toSorted())
    assert.equal((await fetch(`${served.address}${path}`, { method: 'DELETE' })).status, 202)
    const left = (await (await fetch(`${served.address}/v2/many/tags/tags/list`)).json()) as { tags: string[] }
    assert.deepEqual(left.tags, [])
  })

  test('indexes that lead to each other a hundred deep, and to the same many times, are given and deleted', async () => {
    const put = async (manifests: readonly object[], tag: string): Promise<{ digest: string; size: number }> => {
      const bytes = encodeJson({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests })
      const headers = { 'Content-Type': MediaType.imageIndex }
      const init = { method: 'PUT', headers, body: Buffer.from(bytes) }
      assert.equal((await fetch(`${served.address}/v2/deep/indexes/manifests/${tag}`, init)).status, 201)
      return { digest: digestOf(bytes), size: bytes.length }
    }
    const bottom = await put([], 'bottom')
    let last = bottom
    for (let depth = 0; depth < 100; depth++) {
      const below = { mediaType: MediaType.imageIndex, ...last }
      last = await put([below, below, { mediaType: MediaType.imageIndex, ...bottom }], 'top')
    }
    const at = `${served.address}/v2/deep/indexes/manifests`
    assert.equal((await fetch(`${at}/top`)).headers.get('docker-content-digest'), last.digest)
    assert.equal((await fetch(`${at}/${bottom.digest}`, { method: 'DELETE' })).status, 202)
    assert.equal((await fetch(`${at}/bottom`)).status, 404)
    assert.equal((await fetch(`${at}/top`)).status, 200)
  })
})
