import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { MemoryStore } from '@gantry/image'
import { encodeJson, MediaType } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import { createRegistry, diskStorage, memoryStorage, registryMigrations } from './index.ts'
import { ask, bytesOf, errorCode, imageDocument, push, pushManifest, startUpload } from './fixtures/registry-fixture.ts'
import type { Registry } from './index.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-registry-'))
const codec = createCodec()
const opened: AsyncDisposableStack = new AsyncDisposableStack()
after(async () => {
  await opened.disposeAsync()
  await codec.close()
  rmSync(directory, { recursive: true, force: true })
})

let count = 0
const freshRoot = (): string => join(directory, String((count += 1)))

async function onDisk(root = freshRoot()): Promise<Registry> {
  const state = opened.use(openState(join(root, 'state.db'), [storeMigrations, ...registryMigrations]))
  const store = opened.use(await openStore({ root: join(root, 'content'), state, codec }))
  return opened.use(createRegistry({ storage: opened.use(diskStorage(store)), state, onError: fail }))
}

async function inMemory(): Promise<Registry> {
  const state = opened.use(openState(':memory:', registryMigrations))
  return opened.use(createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state, onError: fail }))
}

function fail(error: unknown): void {
  console.error(error) // oxlint-disable-line no-console -- a test that fails says why
}

const blob = Buffer.alloc(2048, 'gantry')
const big = Buffer.alloc(3_000_000, 'large ')

for (const [name, make] of Object.entries({ 'on disk': onDisk, 'in memory': inMemory })) {
  describe(`a registry ${name}`, () => {
    test('answers the base and says what it does not have', async () => {
      const registry = await make()
      const response = await ask(registry, 'GET', '/v2/')
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('docker-distribution-api-version'), 'registry/2.0')
      assert.equal((await ask(registry, 'GET', '/elsewhere')).status, 404)
      assert.equal((await ask(registry, 'POST', '/v2/')).status, 405)
    })

    for (const [row, method, path, status, code] of [
      ['an upper-case name', 'GET', '/v2/Abc/tags/list', 400, 'NAME_INVALID'],
      ['a name with dots', 'GET', '/v2/../etc/blobs/sha256:00', 400, 'UNSUPPORTED'],
      ['an encoded path', 'GET', '/v2/..%2f..%2fetc/tags/list', 400, 'NAME_INVALID'],
      ['a bad digest', 'GET', '/v2/a/blobs/sha256:baddigeststring', 400, 'DIGEST_INVALID'],
      ['a bad manifest digest', 'PUT', '/v2/a/manifests/sha256:baddigeststring', 400, 'DIGEST_INVALID'],
      ['a bad tag', 'GET', '/v2/a/manifests/-x', 400, 'MANIFEST_INVALID'],
      ['an upload that is none', 'PATCH', '/v2/a/blobs/uploads/..', 404, ''],
      [
        'an unknown upload',
        'PATCH',
        '/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000',
        404,
        'BLOB_UPLOAD_UNKNOWN',
      ],
      ['an unknown repository', 'GET', '/v2/a/tags/list', 404, 'NAME_UNKNOWN'],
      ['a manifest of an unknown repository', 'GET', '/v2/a/manifests/latest', 404, 'NAME_UNKNOWN'],
    ] as const) {
      test(`refuses ${row}`, async () => {
        const response = await ask(await make(), method, path)
        if (code !== '' && code !== 'UNSUPPORTED') {
          assert.equal(response.status, status)
          assert.equal(await errorCode(response), code)
        } else assert.ok(response.status >= 400 && response.status < 500)
      })
    }

    for (const algorithm of ['sha256', 'sha512'] as const) {
      for (const [kind, bytes] of Object.entries({ empty: Buffer.alloc(0), small: Buffer.from('{}'), big })) {
        test(`takes a blob that is ${kind} in every way, by ${algorithm}`, async () => {
          const registry = await make()
          const digest = digestOf(bytes, algorithm)
          await push(registry, bytes, 'one/single', algorithm)
          const put = await startUpload(registry, 'two/put')
          assert.equal((await ask(registry, 'PUT', `${put}?digest=${digest}`, { body: bytes })).status, 201)
          const streamed = await startUpload(registry, 'three/streamed')
          assert.equal((await ask(registry, 'PATCH', streamed, { body: bytes })).status, 202)
          assert.equal((await ask(registry, 'PUT', `${streamed}?digest=${digest}`)).status, 201)
          const chunked = await startUpload(registry, 'four/chunked')
          const half = Math.floor(bytes.length / 2)
          for (const [start, end] of [
            [0, half],
            [half, bytes.length],
          ] as const) {
            if (start === end) continue
            const headers = { 'Content-Range': `${start}-${end - 1}` }
            const response = await ask(registry, 'PATCH', chunked, { body: bytes.subarray(start, end), headers })
            assert.equal(response.status, 202)
            assert.equal(response.headers.get('range'), `0-${end - 1}`)
          }
          const done = await ask(registry, 'PUT', `${chunked}?digest=${digest}`)
          assert.equal(done.status, 201)
          assert.equal(done.headers.get('docker-content-digest'), digest)
          assert.equal((await ask(registry, 'GET', chunked)).status, 404)
          for (const repository of ['one/single', 'two/put', 'three/streamed', 'four/chunked']) {
            const response = await ask(registry, 'GET', `/v2/${repository}/blobs/${digest}`)
            assert.equal(response.headers.get('docker-content-digest'), digest)
            assert.ok((await bytesOf(response)).equals(bytes))
            const head = await ask(registry, 'HEAD', `/v2/${repository}/blobs/${digest}`)
            assert.equal(head.headers.get('content-length'), String(bytes.length))
          }
        })
      }
    }

    test('refuses bytes of another digest and keeps nothing', async () => {
      const registry = await make()
      const digest = digestOf(Buffer.from('other'))
      const single = await ask(registry, 'POST', `/v2/a/b/blobs/uploads/?digest=${digest}`, { body: big })
      assert.equal(single.status, 400)
      assert.equal(await errorCode(single), 'DIGEST_INVALID')
      const location = await startUpload(registry)
      await ask(registry, 'PATCH', location, { body: big })
      assert.equal((await ask(registry, 'PUT', `${location}?digest=${digest}`)).status, 400)
      assert.equal((await ask(registry, 'GET', location)).status, 404)
      assert.equal((await ask(registry, 'HEAD', `/v2/a/b/blobs/${digest}`)).status, 404)
      assert.equal((await ask(registry, 'PUT', `${await startUpload(registry)}?digest=md5:1`)).status, 400)
      assert.equal((await ask(registry, 'PUT', await startUpload(registry))).status, 400)
    })

    test('a chunk out of order is 416 and leaves the upload as it was', async () => {
      const registry = await make()
      const location = await startUpload(registry)
      assert.equal((await ask(registry, 'GET', location)).headers.get('range'), '0-0')
      const chunk = (start: number, end: number, method = 'PATCH', query = ''): Promise<Response> =>
        ask(registry, method, location + query, {
          body: blob.subarray(start, end),
          headers: { 'Content-Range': `${start}-${end - 1}` },
        })
      assert.equal((await chunk(1024, 2048)).status, 416)
      assert.equal((await chunk(0, 1024)).status, 202)
      assert.equal((await chunk(0, 1024)).status, 416)
      assert.equal((await chunk(1500, 2048, 'PUT', `?digest=${digestOf(blob)}`)).status, 416)
      const status = await ask(registry, 'GET', location)
      assert.equal(status.status, 204)
      assert.equal(status.headers.get('range'), '0-1023')
      assert.equal(
        (await ask(registry, 'PATCH', location, { body: blob, headers: { 'Content-Range': 'x' } })).status,
        400,
      )
      assert.equal((await chunk(1024, 2048, 'PUT', `?digest=${digestOf(blob)}`)).status, 201)
    })

    test('an upload is cancelled', async () => {
      const registry = await make()
      const location = await startUpload(registry)
      await ask(registry, 'PATCH', location, { body: big })
      assert.equal((await ask(registry, 'DELETE', location)).status, 204)
      assert.equal((await ask(registry, 'GET', location)).status, 404)
      await startUpload(registry)
      assert.equal(await registry.removeAbandonedUploads(), 0)
      assert.equal(await registry.removeAbandonedUploads({ age: -1 }), 1)
    })

    test('an upload belongs to its repository', async () => {
      const registry = await make()
      const location = await startUpload(registry, 'mine')
      await startUpload(registry, 'other')
      assert.equal((await ask(registry, 'GET', location.replace('mine', 'other'))).status, 404)
    })

    for (const [header, status, start, end] of [
      ['bytes=0-', 206, 0, 2048],
      ['bytes=500-1499', 206, 500, 1500],
      ['bytes=500-', 206, 500, 2048],
      ['bytes=-500', 206, 1548, 2048],
      ['bytes=2000-5000', 206, 2000, 2048],
      ['bytes=500-0', 416, 0, 0],
      ['bytes=5000-10000', 416, 0, 0],
      ['bytes=0-1,5-6', 200, 0, 2048],
      ['lines=0-1', 200, 0, 2048],
    ] as const) {
      test(`the range ${header}`, async () => {
        const registry = await make()
        const { digest } = await push(registry, blob)
        const response = await ask(registry, 'GET', `/v2/a/b/blobs/${digest}`, { headers: { Range: header } })
        assert.equal(response.status, status)
        if (status === 416) {
          assert.equal(response.headers.get('content-range'), 'bytes */2048')
          return
        }
        if (status === 206) assert.equal(response.headers.get('content-range'), `bytes ${start}-${end - 1}/2048`)
        assert.equal(response.headers.get('content-length'), String(end - start))
        assert.ok((await bytesOf(response)).equals(blob.subarray(start, end)))
      })
    }

    test('mounts what is there, with and without a source, and shows nothing before', async () => {
      const registry = await make()
      const { digest } = await push(registry, blob, 'one')
      assert.equal((await ask(registry, 'HEAD', `/v2/two/blobs/${digest}`)).status, 404)
      const mounted = await ask(registry, 'POST', `/v2/two/blobs/uploads/?mount=${digest}&from=one`)
      assert.equal(mounted.status, 201)
      assert.equal(mounted.headers.get('location'), `/v2/two/blobs/${digest}`)
      assert.equal((await ask(registry, 'HEAD', `/v2/two/blobs/${digest}`)).status, 200)
      assert.equal((await ask(registry, 'POST', `/v2/three/blobs/uploads/?mount=${digest}`)).status, 201)
      const missing = await ask(registry, 'POST', `/v2/two/blobs/uploads/?mount=${digestOf(Buffer.from('x'))}&from=one`)
      assert.equal(missing.status, 202)
      const finish = `${missing.headers.get('location')}?digest=${digestOf(Buffer.from('x'))}`
      assert.equal((await ask(registry, 'PUT', finish, { body: Buffer.from('x') })).status, 201)
    })

    test('a blob is deleted from one repository only', async () => {
      const registry = await make()
      const { digest } = await push(registry, blob, 'one')
      await push(registry, blob, 'two')
      assert.equal((await ask(registry, 'DELETE', `/v2/one/blobs/${digest}`)).status, 202)
      assert.equal((await ask(registry, 'HEAD', `/v2/one/blobs/${digest}`)).status, 404)
      assert.equal((await ask(registry, 'DELETE', `/v2/one/blobs/${digest}`)).status, 404)
      assert.equal((await ask(registry, 'HEAD', `/v2/two/blobs/${digest}`)).status, 200)
    })

    test('gives a manifest back as it came, by tag and by digest', async () => {
      const registry = await make()
      const document = { ...(await imageDocument(registry, 'one')), 'io.example.unknown': { kept: true } }
      for (const mediaType of [MediaType.imageManifest, MediaType.dockerManifest]) {
        const { bytes, descriptor, response } = await pushManifest(registry, document, { mediaType })
        assert.equal(response.status, 201)
        assert.equal(response.headers.get('docker-content-digest'), descriptor.digest)
        for (const path of [response.headers.get('location') ?? '', `/v2/a/b/manifests/${descriptor.digest}`]) {
          const got = await ask(registry, 'GET', path)
          assert.equal(got.headers.get('content-type'), mediaType)
          assert.equal(got.headers.get('docker-content-digest'), descriptor.digest)
          assert.ok((await bytesOf(got)).equals(bytes))
          const head = await ask(registry, 'HEAD', path)
          assert.equal(head.headers.get('content-length'), String(bytes.length))
        }
      }
    })

    test('takes a manifest by its sha512, and several tags with it', async () => {
      const registry = await make()
      const bytes = encodeJson({
        schemaVersion: 2,
        mediaType: MediaType.imageManifest,
        ...(await imageDocument(registry, 'x')),
      })
      const digest = digestOf(bytes, 'sha512')
      const response = await ask(registry, 'PUT', `/v2/a/b/manifests/${digest}?tag=one&tag=two`, {
        body: bytes,
        headers: { 'Content-Type': `${MediaType.imageManifest}; charset=utf-8` },
      })
      assert.equal(response.status, 201)
      assert.equal(response.headers.get('oci-tag'), 'one, two')
      assert.equal((await ask(registry, 'HEAD', '/v2/a/b/manifests/two')).headers.get('docker-content-digest'), digest)
      assert.equal((await ask(registry, 'DELETE', `/v2/a/b/manifests/${digest}`)).status, 202)
      assert.equal((await ask(registry, 'HEAD', '/v2/a/b/manifests/two')).status, 404)
    })

    test('refuses manifests that are wrong, too large, or lead to what is not there', async () => {
      const registry = await make()
      const image = await imageDocument(registry, 'one')
      const missing = {
        ...image,
        layers: [{ mediaType: MediaType.layerTar, digest: digestOf(blob), size: blob.length }],
      }
      const unknown = await pushManifest(registry, missing)
      assert.equal(unknown.response.status, 400)
      assert.equal(await errorCode(unknown.response), 'MANIFEST_BLOB_UNKNOWN')
      const foreign = {
        mediaType: MediaType.nondistributableTarGzip,
        digest: digestOf(blob),
        size: 5,
        urls: ['https://example.com/x'],
      }
      assert.equal((await pushManifest(registry, { ...image, layers: [foreign] })).response.status, 201)
      assert.equal((await pushManifest(registry, { ...image, layers: [] })).response.status, 201)
      assert.equal((await pushManifest(registry, { layers: [] })).response.status, 400)
      assert.equal((await pushManifest(registry, image, { mediaType: 'text/plain' })).response.status, 400)
      assert.equal((await pushManifest(registry, image, { reference: digestOf(blob) })).response.status, 400)
      const annotations = Object.fromEntries(
        Array.from({ length: 390 }, (_, index) => [`key.${index}`, 'x'.repeat(10_000)]),
      )
      assert.equal((await pushManifest(registry, { ...image, annotations })).response.status, 201)
      const more = { ...annotations, more: 'x'.repeat(400_000) }
      assert.equal((await pushManifest(registry, { ...image, annotations: more })).response.status, 413)
    })

    test('an index leads to manifests of its repository', async () => {
      const registry = await make()
      const one = await pushManifest(registry, await imageDocument(registry, 'one'), { reference: 'one' })
      const mediaType = MediaType.imageIndex
      const inner = await pushManifest(registry, { manifests: [one.descriptor] }, { mediaType, reference: 'inner' })
      assert.equal(inner.response.status, 201)
      assert.equal(
        (await pushManifest(registry, { manifests: [inner.descriptor] }, { mediaType })).response.status,
        201,
      )
      assert.equal((await pushManifest(registry, { manifests: [] }, { mediaType })).response.status, 201)
      const elsewhere = await pushManifest(
        registry,
        { manifests: [one.descriptor] },
        { mediaType, repository: 'elsewhere' },
      )
      assert.equal(elsewhere.response.status, 400)
    })

    test('a tag goes alone, a manifest takes its tags along', async () => {
      const registry = await make()
      const image = await imageDocument(registry, 'one')
      const { descriptor } = await pushManifest(registry, image, { reference: 'one' })
      await pushManifest(registry, image, { reference: 'two' })
      assert.equal((await ask(registry, 'DELETE', '/v2/a/b/manifests/one')).status, 202)
      assert.equal(await errorCode(await ask(registry, 'GET', '/v2/a/b/manifests/one')), 'MANIFEST_UNKNOWN')
      assert.equal((await ask(registry, 'DELETE', '/v2/a/b/manifests/one')).status, 404)
      assert.equal((await ask(registry, 'HEAD', `/v2/a/b/manifests/${descriptor.digest}`)).status, 200)
      assert.equal((await ask(registry, 'DELETE', `/v2/a/b/manifests/${descriptor.digest}`)).status, 202)
      assert.equal((await ask(registry, 'HEAD', '/v2/a/b/manifests/two')).status, 404)
    })

    test('lists tags and repositories in pages', async () => {
      const registry = await make()
      const image = await imageDocument(registry, 'one')
      for (const reference of ['b', 'a', 'C', '1', 'd']) await pushManifest(registry, image, { reference })
      await pushManifest(registry, await imageDocument(registry, 'z', 'z'), { repository: 'z' })
      const tags = async (query: string): Promise<[unknown, string | null]> => {
        const response = await ask(registry, 'GET', `/v2/a/b/tags/list${query}`)
        return [((await response.json()) as { tags: string[] }).tags, response.headers.get('link')]
      }
      assert.deepEqual(await tags(''), [['1', 'C', 'a', 'b', 'd'], null])
      assert.deepEqual(await tags('?n=2'), [['1', 'C'], '</v2/a/b/tags/list?n=2&last=C>; rel="next"'])
      assert.deepEqual(await tags('?n=2&last=b'), [['d'], null])
      assert.deepEqual(await tags('?last=C'), [['a', 'b', 'd'], null])
      assert.deepEqual(await tags('?n=0'), [[], null])
      assert.equal((await ask(registry, 'GET', '/v2/a/b/tags/list?n=x')).status, 400)
      const catalog = await ask(registry, 'GET', '/v2/_catalog?n=1')
      assert.deepEqual(await catalog.json(), { repositories: ['a/b'] })
      assert.equal(catalog.headers.get('link'), '</v2/_catalog?n=1&last=a%2Fb>; rel="next"')
    })

    test('lists referrers, also of what is not there', async () => {
      const registry = await make()
      const image = await pushManifest(registry, await imageDocument(registry, 'one'))
      const subject = image.descriptor
      const first = await pushManifest(
        registry,
        {
          ...(await imageDocument(registry, 'sbom')),
          subject,
          artifactType: 'application/sbom',
          annotations: { a: 'b' },
        },
        { reference: 'sbom' },
      )
      assert.equal(first.response.headers.get('oci-subject'), subject.digest)
      await pushManifest(registry, { ...(await imageDocument(registry, 'sig')), subject }, { reference: 'sig' })
      await pushManifest(registry, { manifests: [], subject }, { reference: 'index', mediaType: MediaType.imageIndex })
      const list = async (query = ''): Promise<[Descriptor[], Response]> => {
        const response = await ask(registry, 'GET', `/v2/a/b/referrers/${subject.digest}${query}`)
        assert.equal(response.status, 200)
        assert.equal(response.headers.get('content-type'), MediaType.imageIndex)
        return [((await response.json()) as { manifests: Descriptor[] }).manifests, response]
      }
      const [all] = await list()
      assert.deepEqual(
        new Set(all.map((each) => each.artifactType)),
        new Set(['application/sbom', MediaType.imageConfig, undefined]),
      )
      const [filtered, response] = await list('?artifactType=application/sbom')
      assert.deepEqual(filtered, [{ ...first.descriptor, artifactType: 'application/sbom', annotations: { a: 'b' } }])
      assert.equal(response.headers.get('oci-filters-applied'), 'artifactType')
      const nothing = await ask(registry, 'GET', `/v2/never/was/referrers/${subject.digest}`)
      assert.equal(nothing.status, 200)
      assert.deepEqual(((await nothing.json()) as { manifests: unknown }).manifests, [])
      assert.equal((await ask(registry, 'GET', '/v2/a/b/referrers/x')).status, 400)
    })

    test('a client that hangs up loses nothing that arrived', async () => {
      const registry = await make()
      const location = await startUpload(registry)
      const [path = '', query = ''] = location.split('?')
      const response = await registry.answer({
        method: 'PATCH',
        path,
        query: new URLSearchParams(query),
        header: () => undefined,
        body: (async function* () {
          yield big.subarray(0, 1_000_000)
          throw new Error('aborted')
        })(),
      })
      assert.equal(response.status, 400)
      const status = await ask(registry, 'GET', location)
      assert.equal(status.headers.get('range'), '0-999999')
      await ask(registry, 'PATCH', location, {
        body: big.subarray(1_000_000),
        headers: { 'Content-Range': `1000000-${big.length - 1}` },
      })
      assert.equal((await ask(registry, 'PUT', `${location}?digest=${digestOf(big)}`)).status, 201)
    })
  })
}

test('an upload goes on after a restart', async () => {
  const root = freshRoot()
  const before = await onDisk(root)
  const location = await startUpload(before)
  await ask(before, 'PATCH', location, { body: big.subarray(0, 1_234_567) })
  await before[Symbol.asyncDispose]()
  const registry = await onDisk(root)
  assert.equal((await ask(registry, 'GET', location)).headers.get('range'), '0-1234566')
  const headers = { 'Content-Range': `1234567-${big.length - 1}` }
  assert.equal((await ask(registry, 'PATCH', location, { body: big.subarray(1_234_567), headers })).status, 202)
  assert.equal((await ask(registry, 'PUT', `${location}?digest=${digestOf(big, 'sha512')}`)).status, 201)
  assert.deepEqual(readdirSync(join(root, 'content/ingest')), [])
})
