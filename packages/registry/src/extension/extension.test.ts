import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { digestOf } from '@gantry/codec'
import { MemoryStore } from '@gantry/image'
import { encodeJson, MediaType } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { openState } from '@gantry/state'
import { testCodec } from '@gantry/testing'
import type { Answer, Principal } from '../index.ts'
import { createRegistry, memoryStorage, registryMigrations, serveRegistry } from '../index.ts'
import { createExtension, gantryExtension } from './create-extension.ts'

const opened = new AsyncDisposableStack()
let url = ''

/** Stands for the access control: who sends the header may see what begins with it. */
const onlyWhatBeginsWith =
  (next: Answer): Answer =>
  (request) => {
    const start = request.header('x-only')
    if (start === undefined) return next(request)
    const principal: Principal = { name: 'ann', kind: 'user', may: (repository) => repository.startsWith(start) }
    return next({ ...request, principal })
  }

before(async () => {
  const codec = testCodec()
  const state = opened.use(openState(':memory:', registryMigrations))
  const storage = memoryStorage(new MemoryStore(codec), codec)
  const registry = opened.use(createRegistry({ storage, state, extensions: [gantryExtension] }))
  const answer = onlyWhatBeginsWith(createExtension({ state, storage })(registry.answer))
  const served = await serveRegistry({ registry: { answer }, port: 0 })
  opened.defer(() => served.close({ timeout: 100 }))
  url = served.address
  const arm = await pushImage('team/app', ['v1', 'v2'], 'arm64')
  const amd = await pushImage('team/app', [], 'amd64')
  const manifests = [
    { ...arm, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
    { ...amd, platform: { os: 'linux', architecture: 'amd64' } },
  ]
  await pushDocument('team/app', ['Multi'], MediaType.imageIndex, { manifests })
  await pushImage('library/redis', ['7'], 'amd64')
  const empty = await pushBlob('team/app', new TextEncoder().encode('{}'), 'application/vnd.oci.empty.v1+json')
  await pushDocument('team/app', ['sbom'], MediaType.imageManifest, {
    artifactType: 'application/spdx+json',
    config: empty,
    layers: [empty],
  })
  state.db.exec('UPDATE registry_tags SET updated = 1700000000000 + 1000 * length(tag)')
  state.db.exec(`INSERT INTO registry_pulls (repository, digest, pulled, count)
    SELECT 'team/app', digest, 1700000009000, 3 FROM registry_tags WHERE tag = 'v1'`)
})
after(() => opened.disposeAsync())

async function pushBlob(repository: string, bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
  const digest = digestOf(bytes)
  const target = `${url}/v2/${repository}/blobs/uploads/?digest=${digest}`
  assert.equal((await fetch(target, { method: 'POST', body: Uint8Array.from(bytes) })).status, 201)
  return { mediaType, digest, size: bytes.length }
}

async function pushDocument(
  repository: string,
  tags: readonly string[],
  mediaType: string,
  more: object,
): Promise<Descriptor> {
  const bytes = encodeJson({ schemaVersion: 2, mediaType, ...more })
  const digest = digestOf(bytes)
  const query = tags.map((tag) => `tag=${tag}`).join('&')
  const target = `${url}/v2/${repository}/manifests/${digest}?${query}`
  const headers = { 'Content-Type': mediaType }
  const put = await fetch(target, { method: 'PUT', body: Uint8Array.from(bytes), headers })
  assert.equal(put.status, 201, await put.text())
  return { mediaType, digest, size: bytes.length }
}

async function pushImage(repository: string, tags: readonly string[], architecture: string): Promise<Descriptor> {
  const layer = await pushBlob(repository, new TextEncoder().encode(`layer ${architecture}`), MediaType.layerTar)
  const config = encodeJson({ os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: [layer.digest] } })
  const described = await pushBlob(repository, config, MediaType.imageConfig)
  return pushDocument(repository, tags, MediaType.imageManifest, { config: described, layers: [layer] })
}

interface Page {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly next: string | undefined
}

async function get(path: string, headers: Record<string, string> = {}): Promise<Page> {
  const response = await fetch(url + path, { headers })
  const next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
  return { status: response.status, body: (await response.json()) as Record<string, unknown>, next }
}

async function pages(path: string, key: string): Promise<readonly Record<string, unknown>[][]> {
  const all: Record<string, unknown>[][] = []
  for (let next: string | undefined = path; next !== undefined;) {
    const page: Page = await get(next)
    assert.equal(page.status, 200)
    all.push(page.body[key] as Record<string, unknown>[])
    next = page.next
  }
  return all
}

const names = (page: Page, key = 'results'): unknown =>
  (page.body[key] as { repository: string }[]).map((each) => each.repository)

describe('the _gantry extension', () => {
  test('is told of by discover', async () => {
    const { body } = await get('/v2/_oci/ext/discover')
    const [first] = body['extensions'] as { name: string; endpoints: string[] }[]
    assert.equal(first?.name, '_gantry')
    assert.deepEqual(first?.endpoints, ['_gantry/search', '_gantry/tags', '_gantry/usage'])
  })

  test('tags tell what they stand for, when they were pushed and pulled, and for which platforms they are', async () => {
    const { body } = await get('/v2/_gantry/tags?repository=team/app')
    const tags = body['tags'] as Record<string, unknown>[]
    assert.deepEqual(
      tags.map((tag) => tag['tag']),
      ['Multi', 'sbom', 'v1', 'v2'],
    )
    const [multi, sbom, v1, v2] = tags
    assert.deepEqual(multi?.['platforms'], ['linux/arm64/v8', 'linux/amd64'])
    assert.equal(multi?.['mediaType'], MediaType.imageIndex)
    assert.equal(sbom?.['artifactType'], 'application/spdx+json')
    assert.deepEqual(v1?.['platforms'], ['linux/arm64'])
    assert.equal(v1?.['artifactType'], undefined)
    assert.equal(v1?.['pushed'], '2023-11-14T22:13:22.000Z')
    assert.equal(v1?.['pulled'], '2023-11-14T22:13:29.000Z')
    assert.equal(v1?.['pulls'], 3)
    assert.equal(v2?.['digest'], v1?.['digest'])
    assert.ok(Number(multi?.['totalSize']) > Number(v1?.['totalSize']))
    assert.ok(Number(v1?.['totalSize']) > Number(v1?.['size']))
  })

  test('tags are sorted and paged by name and by time, both ways', async () => {
    const sorted = async (query: string): Promise<unknown> =>
      (await pages(`/v2/_gantry/tags?repository=team/app&n=1${query}`, 'tags')).flat().map((tag) => tag['tag'])
    assert.deepEqual(await sorted(''), ['Multi', 'sbom', 'v1', 'v2'])
    assert.deepEqual(await sorted('&order=desc'), ['v2', 'v1', 'sbom', 'Multi'])
    assert.deepEqual(await sorted('&sort=time'), ['Multi', 'sbom', 'v2', 'v1'])
    assert.deepEqual(await sorted('&sort=time&order=asc'), ['v1', 'v2', 'sbom', 'Multi'])
    assert.deepEqual(await sorted('&q=V'), ['v1', 'v2'])
  })

  test('search finds repositories and tags by all words, in pages', async () => {
    assert.deepEqual(names(await get('/v2/_gantry/search?q=APP team')), ['team/app'])
    assert.deepEqual(names(await get('/v2/_gantry/search')), ['library/redis', 'team/app'])
    assert.deepEqual(names(await get('/v2/_gantry/search?q=%25')), [])
    const found = await pages('/v2/_gantry/search?kind=tags&q=app&n=2', 'results')
    assert.deepEqual(
      found.map((page) => page.map((each) => each['tag'])),
      [
        ['Multi', 'sbom'],
        ['v1', 'v2'],
      ],
    )
  })

  test('usage counts what a repository holds, each thing once', async () => {
    const { body } = await get('/v2/_gantry/usage?repository=team/app')
    const [usage] = body['repositories'] as Record<string, unknown>[]
    assert.equal(usage?.['tags'], 4)
    assert.equal(usage?.['manifests'], 4)
    assert.equal(usage?.['blobs'], 9)
    assert.ok(Number(usage?.['bytes']) > 1000)
    const all = await pages('/v2/_gantry/usage?n=1', 'repositories')
    assert.deepEqual(
      all.flat().map((each) => each['repository']),
      ['library/redis', 'team/app'],
    )
  })

  test('each sees what they may', async () => {
    const ann = { 'X-Only': 'library/' }
    assert.deepEqual(names(await get('/v2/_gantry/search', ann)), ['library/redis'])
    assert.deepEqual(names(await get('/v2/_gantry/search?kind=tags', ann)), ['library/redis'])
    assert.deepEqual(names(await get('/v2/_gantry/usage', ann), 'repositories'), ['library/redis'])
    assert.equal((await get('/v2/_gantry/tags?repository=team/app', ann)).status, 403)
    assert.equal((await get('/v2/_gantry/usage?repository=team/app', ann)).status, 403)
  })

  const bad: readonly (readonly [path: string, status: number, says: RegExp])[] = [
    ['/v2/_gantry/tags', 400, /say which/],
    ['/v2/_gantry/tags?repository=../x', 400, /NAME_INVALID/],
    ['/v2/_gantry/tags?repository=none', 404, /NAME_UNKNOWN/],
    ['/v2/_gantry/tags?repository=team/app&sort=size', 400, /one of name, time/],
    ['/v2/_gantry/search?n=0', 400, /a number from 1 on/],
    ['/v2/_gantry/search?kind=x', 400, /one of repositories, tags/],
    [`/v2/_gantry/search?q=${'x'.repeat(300)}`, 400, /at most/],
    ['/v2/_gantry/other', 404, /nothing here/],
  ]
  for (const [path, status, says] of bad) {
    test(`${path.slice(0, 60)} is refused with ${status}`, async () => {
      const page = await get(path)
      assert.equal(page.status, status)
      assert.match(JSON.stringify(page.body), says)
    })
  }
})
