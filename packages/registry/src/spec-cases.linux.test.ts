import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { MediaType } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import { locationOf, SpecClient, withDigest } from './fixtures/spec-client.ts'
import type { Answered } from './fixtures/spec-client.ts'
import { SpecData, specData } from './fixtures/spec-data.ts'
import { createRegistry, diskStorage, registryMigrations, serveRegistry } from './index.ts'

// The cases of the specification and of its development profile, as clients ask them over HTTP: what is pushed in every way, is
// there in every way, and is gone at once when it was deleted.

const directory = mkdtempSync(join(tmpdir(), 'gantry-spec-'))
const opened = new AsyncDisposableStack()
let client: SpecClient

before(async () => {
  const codec = opened.use(createCodec())
  const state = opened.use(openState(join(directory, 'state.db'), [storeMigrations, ...registryMigrations]))
  const store = opened.use(await openStore({ root: join(directory, 'content'), state, codec }))
  const registry = opened.use(createRegistry({ storage: opened.use(diskStorage(store)), state }))
  const served = await serveRegistry({ registry, port: 0 })
  opened.defer(() => served.close({ timeout: 1000 }))
  client = new SpecClient(served.address)
})
after(async () => {
  await opened.disposeAsync()
  rmSync(directory, { recursive: true, force: true })
})

const [here, there] = ['spec/one', 'spec/two']
const blobPath = (repository: string, digest: string): string => `/v2/${repository}/blobs/${digest}`
const uploads = (repository: string, query = ''): string => `/v2/${repository}/blobs/uploads/${query}`
const octets = { 'Content-Type': 'application/octet-stream' }
/** Three chunks, the last of them short. */
const threeChunks = 3 * 1024 - 5

/** Every way to push the bytes of a blob, with the status that its last request is answered with. */
const ways: Readonly<Record<string, (bytes: Uint8Array, digest: Digest, status?: number) => Promise<Answered>>> = {
  'one POST': (body, digest, status = 201) =>
    client.ask('POST', uploads(here, `?digest=${encodeURIComponent(digest)}`), status, { headers: octets, body }),
  'POST and PUT': async (bytes, digest, status = 201) =>
    client.send(await client.start(here), { bytes, digest }, status),
  'a stream in one PATCH': async (bytes, digest, status = 201) => {
    const location = locationOf(await client.send(await client.start(here), { bytes }, 202))
    return client.send(location, { digest }, status)
  },
  chunks: (bytes, digest, status = 201) => client.chunks(here, bytes, { digest, status }),
  'chunks, the last with the PUT': (bytes, digest, status = 201) =>
    client.chunks(here, bytes, { digest, lastInPut: true, status }),
}

test('the base says that there is a registry', async () => {
  await client.ask('GET', '/v2/', 200)
})

test('a repository that never was has no tags, and no referrers but a list of them', async () => {
  const { bytes, headers } = await client.ask('GET', `/v2/never/was/referrers/${digestOf(randomBytes(9))}`, 200)
  assert.equal(headers.get('content-type'), MediaType.imageIndex)
  assert.deepEqual(JSON.parse(bytes.toString()), { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [] })
  await client.ask('GET', '/v2/never/was/tags/list', 404)
})

for (const algorithm of ['sha256', 'sha512'] as const) {
  describe(`blobs by ${algorithm}`, () => {
    const fresh = (size = 512): { readonly bytes: Buffer; readonly digest: Digest } => {
      const bytes = randomBytes(size)
      return { bytes, digest: digestOf(bytes, algorithm) }
    }

    test('that were not pushed are not there', async () => {
      await client.ask('GET', blobPath(here, fresh().digest), 404)
    })

    for (const [way, push] of Object.entries(ways)) {
      for (const [kind, content] of [
        ['some bytes', randomBytes(512)],
        ['three chunks', randomBytes(threeChunks)],
        ['nothing', Buffer.alloc(0)],
        ['an empty object', Buffer.from('{}')],
      ] as const) {
        test(`of ${kind} are pushed by ${way}, there, and gone when they are deleted`, async () => {
          const digest = digestOf(content, algorithm)
          await client.assertPushed(await push(content, digest), digest, content)
          await client.assertBlob(here, digest, content)
          await client.delete(blobPath(here, digest))
        })
      }

      test(`of another digest than ${way} says are refused, and not there`, async () => {
        const { bytes, digest } = fresh(threeChunks)
        await push(Buffer.concat([bytes, Buffer.from('more')]), digest, 400)
        await client.ask('HEAD', blobPath(here, digest), 404)
      })
    }

    for (const lastInPut of [false, true]) {
      test(`in chunks out of order are refused${lastInPut ? ', the last with the PUT too' : ''}, and can be gone on with`, async () => {
        const { bytes, digest } = fresh(threeChunks)
        const pushed = await client.chunks(here, bytes, { digest, lastInPut, disorder: true })
        await client.assertPushed(pushed, digest, bytes)
        await client.delete(blobPath(here, digest))
      })
    }

    for (const from of [`&from=${there}`, '']) {
      test(`are mounted ${from === '' ? 'without saying' : 'saying'} from where, and deleted by themselves`, async () => {
        const { bytes, digest } = fresh()
        await client.ask('POST', uploads(there, `?digest=${digest}`), 201, { headers: octets, body: bytes })
        const mounted = await client.ask('POST', uploads(here, `?mount=${digest}${from}`), 201)
        await client.assertPushed(mounted, digest, bytes)
        await client.delete(blobPath(here, digest))
        await client.assertBlob(there, digest, bytes)
        await client.delete(blobPath(there, digest))
      })
    }

    test('that are nowhere are not mounted but uploaded', async () => {
      const { bytes, digest } = fresh()
      const started = await client.ask('POST', uploads(here, `?mount=${digest}&from=${there}`), 202)
      const pushed = await client.send(locationOf(started), { bytes, digest }, 201)
      await client.assertPushed(pushed, digest, bytes)
      await client.delete(blobPath(here, digest))
    })

    test('that are given up are gone', async () => {
      const location = await client.start(here)
      await client.ask('DELETE', location, 204)
      await client.ask('GET', location, 404)
    })

    test('are announced by their algorithm', async () => {
      const { bytes, digest } = fresh()
      const started = await client.ask('POST', uploads(here, `?digest-algorithm=${algorithm}`), 202)
      await client.send(locationOf(started), { bytes, digest }, 201)
      await client.delete(blobPath(here, digest))
    })

    test('are given in parts', async () => {
      const { bytes, digest } = fresh(2048)
      await client.ask('POST', uploads(here, `?digest=${digest}`), 201, { headers: octets, body: bytes })
      for (const [range, start, end] of [
        ['500-1499', 500, 1500],
        ['500-', 500, 2048],
        ['-500', 1548, 2048],
        ['2000-5000', 2000, 2048],
      ] as const) {
        const headers = { Range: `bytes=${range}` }
        const answer = await client.ask('GET', blobPath(here, digest), 206, { headers })
        assert.deepEqual(answer.bytes, bytes.subarray(start, end))
        assert.equal(answer.headers.get('content-length'), String(end - start))
        assert.equal(answer.headers.get('content-range'), `bytes ${start}-${end - 1}/2048`)
      }
      for (const range of ['500-0', '5000-10000']) {
        await client.ask('GET', blobPath(here, digest), 416, { headers: { Range: `bytes=${range}` } })
      }
      await client.delete(blobPath(here, digest))
    })
  })
}

const manifestPath = (reference: string): string => `/v2/${here}/manifests/${reference}`
const accept = { Accept: `${MediaType.imageIndex}, ${MediaType.imageManifest}` }

async function pushBlobs(data: SpecData): Promise<void> {
  for (const [digest, body] of data.blobs) {
    await client.ask('PUT', withDigest(await client.start(here), digest), 201, { headers: octets, body })
  }
}

/** Puts each manifest by its digest, with its tags at once when that is asked for, or else by each tag too. */
async function pushManifests(data: SpecData, tagsAtOnce: boolean): Promise<void> {
  for (const { digest, bytes, mediaType, referrer } of data.manifests) {
    const tags = [...data.tags].filter(([, tagged]) => tagged === digest).map(([tag]) => tag)
    const query = tagsAtOnce && tags.length > 0 ? `?${tags.map((tag) => `tag=${tag}`).join('&')}` : ''
    for (const reference of [`${digest}${query}`, ...(tagsAtOnce ? [] : tags)]) {
      const headers = { 'Content-Type': mediaType }
      const put = await client.ask('PUT', manifestPath(reference), 201, { headers, body: bytes })
      assert.equal(put.headers.get('docker-content-digest'), digest)
      assert.equal(put.headers.get('oci-subject'), referrer?.subject ?? null)
      if (query !== '') assert.deepEqual(put.headers.get('oci-tag')?.split(', ').sort(), tags.toSorted())
      await assertManifest(
        locationOf(put),
        data.manifests.find((each) => each.digest === digest),
      )
    }
  }
}

async function assertManifest(path: string, manifest: SpecData['manifests'][number] | undefined): Promise<void> {
  assert.ok(manifest)
  for (const method of ['HEAD', 'GET']) {
    const { headers, bytes } = await client.ask(method, path, 200, { headers: accept })
    assert.equal(headers.get('content-type'), manifest.mediaType)
    assert.equal(headers.get('content-length'), String(manifest.bytes.length))
    assert.equal(headers.get('docker-content-digest'), manifest.digest)
    assert.deepEqual(bytes, method === 'HEAD' ? Buffer.alloc(0) : Buffer.from(manifest.bytes))
  }
}

async function assertTags(data: SpecData): Promise<void> {
  const list = async (query = ''): Promise<readonly string[]> => {
    const { bytes } = await client.ask('GET', `/v2/${here}/tags/list${query}`, 200)
    return (JSON.parse(bytes.toString()) as { tags: string[] }).tags
  }
  const all = await list()
  assert.deepEqual(all, all.toSorted())
  for (const tag of data.tags.keys()) assert.ok(all.includes(tag))
  for (const [at, last] of all.entries()) assert.deepEqual(await list(`?last=${last}`), all.slice(at + 1))
}

async function assertReferrers(data: SpecData): Promise<void> {
  const referrers = data.manifests.flatMap(({ referrer }) => (referrer === undefined ? [] : [referrer]))
  for (const subject of new Set(referrers.map((each) => each.subject))) {
    const listed = referrers.filter((each) => each.subject === subject).map((each) => each.listed)
    const types = new Set(listed.map((each) => each['artifactType']))
    for (const type of [undefined, ...types].filter((each, at) => at === 0 || each !== undefined)) {
      const query = typeof type === 'string' ? `?artifactType=${encodeURIComponent(type)}` : ''
      const { headers, bytes } = await client.ask('GET', `/v2/${here}/referrers/${subject}${query}`, 200)
      const index = JSON.parse(bytes.toString()) as { manifests: { digest: string }[] }
      assert.equal(headers.get('content-type'), MediaType.imageIndex)
      assert.equal(headers.get('oci-filters-applied'), query === '' ? null : 'artifactType')
      const expected = listed.filter((each) => query === '' || each['artifactType'] === type)
      const byDigest = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
      assert.deepEqual(index.manifests.toSorted(byDigest), expected.toSorted(byDigest))
    }
  }
}

describe('manifests', () => {
  for (const [what, data] of Object.entries(specData())) {
    for (const tagsAtOnce of data.tags.size === 0 ? [false] : [false, true]) {
      test(`of ${what} are pushed${tagsAtOnce ? ' with their tags at once' : ''}, listed, given, and deleted`, async () => {
        await pushBlobs(data)
        await pushManifests(data, tagsAtOnce)
        await assertTags(data)
        for (const [tag, digest] of data.tags) {
          await assertManifest(
            manifestPath(tag),
            data.manifests.find((each) => each.digest === digest),
          )
        }
        for (const each of data.manifests) await assertManifest(manifestPath(each.digest), each)
        await assertReferrers(data)
        for (const tag of data.tags.keys()) await client.delete(manifestPath(tag))
        for (const { digest } of data.manifests.toReversed()) await client.delete(manifestPath(digest))
        for (const digest of data.blobs.keys()) await client.delete(blobPath(here, digest))
      })
    }
  }

  test('of an index by sha512 get several tags at once', async () => {
    const data = new SpecData('sha512')
    data.platforms({ tag: 'by-sha512' })
    const [, digest] = [...data.tags][0] ?? []
    assert.ok(digest)
    for (let n = 0; n < 10; n++) data.tags.set(`by-sha512-${n}`, digest)
    await pushBlobs(data)
    await pushManifests(data, true)
    await assertTags(data)
    for (const tag of data.tags.keys()) await client.delete(manifestPath(tag))
  })

  test('that are not there are unknown, by digest and by tag', async () => {
    await client.ask('GET', manifestPath(digestOf(randomBytes(64))), 404, { headers: accept })
    await client.ask('GET', manifestPath(`missing-${randomBytes(4).toString('hex')}`), 404, { headers: accept })
  })

  test('of other bytes than their digest says, or of what is no digest, are refused', async () => {
    const data = new SpecData()
    data.image()
    await pushBlobs(data)
    const [manifest] = data.manifests
    assert.ok(manifest)
    const headers = { 'Content-Type': manifest.mediaType }
    const body = Buffer.concat([manifest.bytes, Buffer.from('  ')])
    await client.ask('PUT', manifestPath(manifest.digest), 400, { headers, body })
    await client.ask('HEAD', manifestPath(manifest.digest), 404)
    await client.ask('PUT', manifestPath('sha256:baddigeststring'), 400, { headers, body: manifest.bytes })
    await client.ask('GET', manifestPath('sha256:baddigeststring'), 400)
  })
})
