import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { digestOf } from '@gantry/codec'
import { MemoryStore } from '@gantry/image'
import { encodeJson, MediaType } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { openState } from '@gantry/state'
import { testCodec } from '@gantry/testing'
import { createRegistry } from './create-registry.ts'
import {
  ask,
  askAs,
  bytesOf,
  errorCode,
  imageDocument,
  memoryRegistries,
  push,
  pushManifest,
  startUpload,
} from './fixtures/registry-fixture.ts'
import { memoryStorage } from './memory-storage.ts'
import { registryMigrations } from './registry-migrations.ts'

const fixture = memoryRegistries()
after(fixture.close)
const { make } = fixture

const blob = Buffer.from('a blob of the protocol')
const digest = digestOf(blob)
const absent = digestOf(Buffer.from('absent'))
const noUpload = '/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000'
const index = MediaType.imageIndex

describe('what is refused, with which status and code', () => {
  for (const [rule, method, path, status, code] of [
    ['a name of 256', 'GET', `/v2/${'a'.repeat(256)}/tags/list`, 400, 'NAME_INVALID'],
    ['a name with two dots', 'GET', '/v2/a..b/tags/list', 400, 'NAME_INVALID'],
    ['a name that ends with a dash', 'GET', '/v2/a-/tags/list', 400, 'NAME_INVALID'],
    ['a name with an empty part', 'GET', '/v2/a//b/tags/list', 400, 'NAME_INVALID'],
    ['a tag of 129', 'GET', `/v2/a/manifests/${'t'.repeat(129)}`, 400, 'MANIFEST_INVALID'],
    ['a blob of an unknown repository', 'GET', `/v2/never/blobs/${absent}`, 404, 'BLOB_UNKNOWN'],
    ['an absent blob', 'GET', `/v2/a/blobs/${absent}`, 404, 'BLOB_UNKNOWN'],
    ['an absent blob, deleted', 'DELETE', `/v2/a/blobs/${absent}`, 404, 'BLOB_UNKNOWN'],
    ['an absent manifest', 'GET', `/v2/a/manifests/${absent}`, 404, 'MANIFEST_UNKNOWN'],
    ['an absent tag', 'GET', '/v2/a/manifests/absent', 404, 'MANIFEST_UNKNOWN'],
    ['an absent tag, deleted', 'DELETE', '/v2/a/manifests/absent', 404, 'MANIFEST_UNKNOWN'],
    ['an absent manifest, deleted', 'DELETE', `/v2/a/manifests/${absent}`, 404, 'MANIFEST_UNKNOWN'],
    ['a short digest', 'GET', '/v2/a/blobs/sha256:abc', 400, 'DIGEST_INVALID'],
    ['a digest in upper case', 'GET', `/v2/a/blobs/${digest.toUpperCase()}`, 400, 'DIGEST_INVALID'],
    ['an unknown algorithm', 'GET', `/v2/a/blobs/blake3:${'a'.repeat(64)}`, 400, 'DIGEST_INVALID'],
    ['a bad digest of a manifest', 'GET', '/v2/a/manifests/sha256:baddigeststring', 400, 'DIGEST_INVALID'],
    ['a bad digest of referrers', 'GET', '/v2/a/referrers/sha256:abc', 400, 'DIGEST_INVALID'],
    ['a bad algorithm of an upload', 'POST', '/v2/a/blobs/uploads/?digest-algorithm=md5', 400, 'DIGEST_INVALID'],
    ['a bad mount', 'POST', '/v2/a/blobs/uploads/?mount=x', 400, 'DIGEST_INVALID'],
    ['a bad source of a mount', 'POST', `/v2/a/blobs/uploads/?mount=${digest}&from=A`, 400, 'NAME_INVALID'],
    ['an upload that is none, asked for', 'GET', noUpload, 404, 'BLOB_UPLOAD_UNKNOWN'],
    ['an upload that is none, gone on with', 'PATCH', noUpload, 404, 'BLOB_UPLOAD_UNKNOWN'],
    ['an upload that is none, ended', 'PUT', `${noUpload}?digest=${digest}`, 404, 'BLOB_UPLOAD_UNKNOWN'],
    ['an upload that is none, given up', 'DELETE', noUpload, 404, 'BLOB_UPLOAD_UNKNOWN'],
    ['tags in pages of nothing', 'GET', '/v2/a/tags/list?n=-1', 400, 'UNSUPPORTED'],
    ['a method that blobs do not have', 'PUT', `/v2/a/blobs/${digest}`, 405, 'UNSUPPORTED'],
    ['a method that nothing has', 'PROPFIND', '/v2/', 405, 'UNSUPPORTED'],
    ['a path that is nothing', 'GET', '/v2/a/b/c', 404, 'UNSUPPORTED'],
    ['a version that is none', 'GET', '/v1/_ping', 404, 'UNSUPPORTED'],
    ['a path of another encoding', 'GET', '/v2/%ff/tags/list', 404, 'UNSUPPORTED'],
  ] as const) {
    test(rule, async () => {
      const registry = make()
      await push(registry, blob, 'a')
      const response = await ask(registry, method, path)
      assert.equal(response.status, status)
      assert.equal(response.headers.get('content-type'), 'application/json')
      assert.equal(response.headers.get('docker-distribution-api-version'), 'registry/2.0')
      if (status === 405) assert.notEqual(response.headers.get('allow'), null)
      assert.equal(await errorCode(response), code)
    })
  }
})

describe('manifests', () => {
  for (const [rule, text, mediaType, code] of [
    ['no JSON', '{', MediaType.imageManifest, 'MANIFEST_INVALID'],
    ['nothing', '', MediaType.imageManifest, 'MANIFEST_INVALID'],
    ['no object', '[]', MediaType.imageManifest, 'MANIFEST_INVALID'],
    ['deep lists', `{"x":${'['.repeat(500_000)}${']'.repeat(500_000)}}`, MediaType.imageManifest, 'MANIFEST_INVALID'],
    ['deep objects', '{"a":'.repeat(500_000), MediaType.imageManifest, 'MANIFEST_INVALID'],
    ['no UTF-8', '{"schemaVersion":2,"x":"\u00ff"}', MediaType.imageManifest, 'MANIFEST_INVALID'],
    ['schema 1', '{"schemaVersion":1}', 'application/vnd.docker.distribution.manifest.v1+json', 'MANIFEST_INVALID'],
    [
      'two types',
      `{"schemaVersion":2,"mediaType":"${index}","manifests":[]}`,
      MediaType.imageManifest,
      'MANIFEST_INVALID',
    ],
  ] as const) {
    test(`of ${rule} are refused`, async () => {
      const registry = make()
      const response = await ask(registry, 'PUT', '/v2/a/manifests/x', {
        body: Buffer.from(text, 'latin1'),
        headers: { 'Content-Type': mediaType },
      })
      assert.equal(response.status, 400)
      assert.equal(await errorCode(response), code)
    })
  }

  for (const mediaType of [
    MediaType.imageManifest,
    MediaType.imageIndex,
    MediaType.dockerManifest,
    MediaType.dockerManifestList,
  ]) {
    test(`of ${mediaType} come back byte for byte, whatever the client accepts`, async () => {
      const registry = make()
      const isIndex = mediaType === MediaType.imageIndex || mediaType === MediaType.dockerManifestList
      const document = isIndex ? { manifests: [] } : await imageDocument(registry, 'x')
      const extra = { 'io.example.unknown': [1, { two: 'three' }], annotations: { ä: '\u2028' } }
      const { bytes, descriptor, response } = await pushManifest(registry, { ...document, ...extra }, { mediaType })
      assert.equal(response.status, 201)
      for (const accept of [mediaType, 'application/json', 'text/html', '*/*']) {
        const got = await ask(registry, 'GET', `/v2/a/b/manifests/${descriptor.digest}`, {
          headers: { Accept: accept },
        })
        assert.equal(got.status, 200)
        assert.equal(got.headers.get('content-type'), mediaType)
        assert.ok((await bytesOf(got)).equals(bytes))
      }
    })
  }

  test('of image layers that are not to be distributed are taken, also in Docker words', async () => {
    const registry = make()
    const image = await imageDocument(registry, 'x')
    const foreign = (mediaType: string): unknown => ({
      mediaType,
      digest: absent,
      size: 5,
      urls: ['https://x.example/y'],
    })
    const types = [
      MediaType.nondistributableTar,
      MediaType.nondistributableTarGzip,
      'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    ]
    const layers = [...types.map(foreign), ...(image['layers'] as unknown[])]
    assert.equal((await pushManifest(registry, { ...image, layers })).response.status, 201)
  })

  test('of an unknown subject are taken, by tag and by digest, and say so', async () => {
    const registry = make()
    const subject = { mediaType: MediaType.imageManifest, digest: absent, size: 123 }
    const document = { ...(await imageDocument(registry, 'x')), subject }
    const { descriptor, response } = await pushManifest(registry, document)
    assert.equal(response.status, 201)
    assert.equal(response.headers.get('oci-subject'), absent)
    const again = await pushManifest(registry, document, { reference: descriptor.digest })
    assert.equal(again.response.headers.get('oci-subject'), absent)
    const list = await ask(registry, 'GET', `/v2/a/b/referrers/${absent}`)
    assert.equal(((await list.json()) as { manifests: Descriptor[] }).manifests[0]?.digest, descriptor.digest)
  })

  test('get up to a hundred tags at once, no more', async () => {
    const registry = make()
    const bytes = encodeJson({ schemaVersion: 2, mediaType: index, manifests: [] })
    const put = (count: number): Promise<Response> => {
      const query = Array.from({ length: count }, (_, n) => `tag=t${n}`).join('&')
      const headers = { 'Content-Type': index }
      return ask(registry, 'PUT', `/v2/a/manifests/${digestOf(bytes)}?${query}`, { body: bytes, headers })
    }
    assert.equal((await put(101)).status, 414)
    const response = await put(100)
    assert.equal(response.status, 201)
    assert.equal(response.headers.get('oci-tag')?.split(', ').length, 100)
    const bad = await ask(registry, 'PUT', `/v2/a/manifests/${digestOf(bytes)}?tag=ok&tag=-x`, {
      body: bytes,
      headers: { 'Content-Type': index },
    })
    assert.equal(bad.status, 400)
    assert.equal((await ask(registry, 'HEAD', '/v2/a/manifests/ok')).status, 404)
  })

  test('are deleted from one repository only, at once, with their tags and as referrers', async () => {
    const registry = make()
    const subject = { mediaType: MediaType.imageManifest, digest: absent, size: 1 }
    const pushed: string[] = []
    for (const repository of ['one', 'two']) {
      const document = { ...(await imageDocument(registry, 'x', repository)), subject }
      const { descriptor } = await pushManifest(registry, document, { repository, reference: 'tag' })
      pushed.push(descriptor.digest)
    }
    assert.equal(pushed[0], pushed[1])
    const look = async (repository: string): Promise<unknown> => {
      const status = async (path: string): Promise<number> =>
        (await ask(registry, 'HEAD', `/v2/${repository}/manifests/${path}`)).status
      const list = await ask(registry, 'GET', `/v2/${repository}/referrers/${absent}`)
      const { manifests } = (await list.json()) as { manifests: unknown[] }
      return [await status('tag'), await status(pushed[0] ?? ''), manifests.length]
    }
    await ask(registry, 'GET', `/v2/one/manifests/${pushed[0]}`)
    assert.equal((await ask(registry, 'DELETE', `/v2/one/manifests/${pushed[0]}`)).status, 202)
    assert.deepEqual(await look('one'), [404, 404, 0])
    assert.deepEqual(await look('two'), [200, 200, 1])
    assert.equal((await ask(registry, 'GET', `/v2/one/manifests/${pushed[0]}`)).status, 404)
  })

  test('move their tag, and the one it was on stays', async () => {
    const registry = make()
    const first = await pushManifest(registry, await imageDocument(registry, '1'))
    const second = await pushManifest(registry, await imageDocument(registry, '2'))
    const head = await ask(registry, 'HEAD', '/v2/a/b/manifests/latest')
    assert.equal(head.headers.get('docker-content-digest'), second.descriptor.digest)
    assert.equal((await ask(registry, 'HEAD', `/v2/a/b/manifests/${first.descriptor.digest}`)).status, 200)
  })

  test('of an index without its manifests are taken only where that is chosen', async () => {
    const child = { mediaType: MediaType.imageManifest, digest: absent, size: 7 }
    const refused = await pushManifest(make(), { manifests: [child] }, { mediaType: index })
    assert.equal(await errorCode(refused.response), 'MANIFEST_BLOB_UNKNOWN')
    const registry = make({ sparseIndexes: true })
    assert.equal((await pushManifest(registry, { manifests: [child] }, { mediaType: index })).response.status, 201)
    const image = await pushManifest(registry, { ...(await imageDocument(registry, 'x')), layers: [child] })
    assert.equal(image.response.status, 400)
  })

  test('that lead to the same thing a thousand times, and to what leads there, harm nobody', async () => {
    const registry = make({ sparseIndexes: true })
    const one = await pushManifest(registry, await imageDocument(registry, 'x'), { reference: 'one' })
    const many = Array.from({ length: 1000 }, () => one.descriptor)
    assert.equal((await pushManifest(registry, { manifests: many }, { mediaType: index })).response.status, 201)
    const back = await pushManifest(
      registry,
      { manifests: [one.descriptor], subject: one.descriptor },
      { mediaType: index },
    )
    const ring = await pushManifest(
      registry,
      { manifests: [back.descriptor], subject: back.descriptor },
      { mediaType: index },
    )
    assert.equal(ring.response.status, 201)
    assert.equal((await ask(registry, 'DELETE', `/v2/a/b/manifests/${one.descriptor.digest}`)).status, 202)
    assert.equal((await ask(registry, 'GET', `/v2/a/b/manifests/${ring.descriptor.digest}`)).status, 200)
    assert.equal((await ask(registry, 'GET', `/v2/a/b/referrers/${one.descriptor.digest}`)).status, 200)
  })
})

describe('uploads', () => {
  for (const [name, query, announced] of [
    ['sha512 that is announced', '?digest-algorithm=sha512', true],
    ['sha512 that is not announced', '', false],
  ] as const) {
    test(`of ${name}, in chunks`, async () => {
      const registry = make()
      const wanted = digestOf(blob, 'sha512')
      const started = await ask(registry, 'POST', `/v2/a/blobs/uploads/${query}`)
      const location = started.headers.get('location') ?? ''
      for (const [start, end] of [
        [0, 10],
        [10, blob.length],
      ] as const) {
        const headers = { 'Content-Range': `${start}-${end - 1}` }
        await ask(registry, 'PATCH', location, { body: blob.subarray(start, end), headers })
      }
      const wrong = await ask(registry, 'PUT', `${location}?digest=${digestOf(Buffer.from('x'), 'sha512')}`)
      assert.equal(wrong.status, 400, String(announced))
      const again = (await ask(registry, 'POST', `/v2/a/blobs/uploads/${query}`)).headers.get('location') ?? ''
      await ask(registry, 'PATCH', again, { body: blob })
      const done = await ask(registry, 'PUT', `${again}?digest=${wanted}`)
      assert.equal(done.status, 201)
      assert.equal(done.headers.get('docker-content-digest'), wanted)
      assert.equal(done.headers.get('location'), `/v2/a/blobs/${wanted}`)
      assert.equal((await ask(registry, 'HEAD', `/v2/a/blobs/${wanted}`)).status, 200)
      assert.equal((await ask(registry, 'HEAD', `/v2/a/blobs/${digest}`)).status, 404)
      assert.equal((await ask(registry, 'DELETE', `/v2/a/blobs/${wanted}`)).status, 202)
    })
  }

  test('have a location with a UUID and begin at 0-0', async () => {
    const registry = make()
    const response = await ask(registry, 'POST', '/v2/a/blobs/uploads')
    assert.equal(response.status, 202)
    assert.match(response.headers.get('location') ?? '', /^\/v2\/a\/blobs\/uploads\/[0-9a-f-]{36}$/)
    assert.equal(response.headers.get('range'), '0-0')
    assert.equal(response.headers.get('content-length'), '0')
  })

  for (const [rule, header, length, status] of [
    ['in the words of RFC 9110', 'bytes 0-9/22', '10', 202],
    ['whose end is before its start', '9-0', '10', 400],
    ['that is shorter than its Content-Length', '0-8', '10', 400],
    ['that is longer than what comes', '0-10', undefined, 400],
    ['that is shorter than what comes', '0-8', undefined, 400],
    ['that begins later', '1-10', '10', 416],
    ['without numbers', 'bytes', '10', 400],
    ['with a number too long', `0-${'9'.repeat(30)}`, '10', 400],
  ] as const) {
    test(`take a Content-Range ${rule} with ${status}`, async () => {
      const registry = make()
      const location = await startUpload(registry)
      const headers: Record<string, string> = { 'content-range': header }
      if (length !== undefined) headers['content-length'] = length
      const response = await askAs(registry, 'PATCH', location, {
        header: (name) => headers[name],
        body: (async function* () {
          yield blob.subarray(0, 10)
        })(),
      })
      assert.equal(response.status, status)
      if (status === 416) assert.equal(response.headers['Range'], '0-0')
    })
  }

  test('of the same digest at the same time all succeed', async () => {
    const registry = make()
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const location = await startUpload(registry, `r${n % 3}`)
        await ask(registry, 'PATCH', location, { body: blob })
        return (await ask(registry, 'PUT', `${location}?digest=${digest}`)).status
      }),
    )
    assert.deepEqual(new Set(statuses), new Set([201]))
  })

  test('that two clients go on with at once stay whole', async () => {
    const registry = make()
    const location = await startUpload(registry)
    const chunk = (): Promise<Response> =>
      ask(registry, 'PATCH', location, { body: blob.subarray(0, 10), headers: { 'Content-Range': '0-9' } })
    const statuses = (await Promise.all([chunk(), chunk(), chunk()])).map((response) => response.status)
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [202, 416, 416],
    )
    const rest = { body: blob.subarray(10), headers: { 'Content-Range': `10-${blob.length - 1}` } }
    assert.equal((await ask(registry, 'PUT', `${location}?digest=${digest}`, rest)).status, 201)
  })
})

describe('blobs', () => {
  for (const [range, status, length] of [
    ['bytes=0-18446744073709551615', 206, blob.length],
    ['bytes=-18446744073709551615', 206, blob.length],
    ['bytes=18446744073709551615-', 416, undefined],
    ['bytes=5-4', 416, undefined],
    ['bytes=-0', 416, undefined],
    ['bytes=-', 200, blob.length],
    ['bytes=a-b', 200, blob.length],
    ['Bytes=0-1', 206, 2],
  ] as const) {
    test(`answer the range ${range} with ${status}`, async () => {
      const registry = make()
      await push(registry, blob, 'a')
      const response = await ask(registry, 'GET', `/v2/a/blobs/${digest}`, { headers: { Range: range } })
      assert.equal(response.status, status)
      if (length !== undefined) assert.equal((await bytesOf(response)).length, length)
    })
  }

  test('have a validator, and say that they take ranges', async () => {
    const registry = make()
    await push(registry, blob, 'a')
    const head = await ask(registry, 'HEAD', `/v2/a/blobs/${digest}`, { headers: { Range: 'bytes=0-3' } })
    assert.equal(head.headers.get('accept-ranges'), 'bytes')
    const etag = head.headers.get('etag') ?? ''
    for (const [known, status] of [
      [etag, 304],
      ['*', 304],
      [`"other", W/${etag}`, 304],
      ['"other"', 200],
    ] as const) {
      const headers = { 'If-None-Match': known }
      assert.equal((await ask(registry, 'GET', `/v2/a/blobs/${digest}`, { headers })).status, status, known)
    }
  })

  test('are sent whole to who has parts of something else', async () => {
    const registry = make()
    await push(registry, blob, 'a')
    for (const [known, status] of [
      [`"${digest}"`, 206],
      ['"other"', 200],
      ['Sun, 06 Nov 1994 08:49:37 GMT', 200],
    ] as const) {
      const headers = { Range: 'bytes=0-3', 'If-Range': known }
      assert.equal((await ask(registry, 'GET', `/v2/a/blobs/${digest}`, { headers })).status, status, known)
    }
  })

  test('of nothing have no range but all of it', async () => {
    const registry = make()
    const empty = await push(registry, Buffer.alloc(0), 'a')
    const get = (range: string): Promise<Response> =>
      ask(registry, 'GET', `/v2/a/blobs/${empty.digest}`, { headers: { Range: range } })
    assert.equal((await get('bytes=0-')).status, 200)
    assert.equal((await get('bytes=-5')).status, 416)
  })

  test('are not shown by a repository that has not got them', async () => {
    const registry = make()
    await push(registry, blob, 'one')
    assert.equal((await ask(registry, 'GET', `/v2/two/blobs/${digest}`)).status, 404)
    const layers = [{ mediaType: MediaType.layerTar, digest, size: blob.length }]
    const image = { ...(await imageDocument(registry, 'x', 'two')), layers }
    assert.equal((await pushManifest(registry, image, { repository: 'two' })).response.status, 400)
  })
})

test('an upload can be asked about when the database can be read only', async () => {
  using state = openState(':memory:', registryMigrations)
  const codec = testCodec()
  await using registry = createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state })
  const location = await startUpload(registry)
  assert.equal((await ask(registry, 'PATCH', location, { body: blob })).status, 202)
  state.prepare('PRAGMA query_only = 1').run()
  const status = await ask(registry, 'GET', location)
  assert.equal(status.status, 204)
  assert.equal(status.headers.get('range'), `0-${blob.length - 1}`)
  state.prepare('PRAGMA query_only = 0').run()
  assert.equal((await ask(registry, 'PUT', `${location}?digest=${digest}`)).status, 201)
})
