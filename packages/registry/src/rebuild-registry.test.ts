import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { encodeJson, MediaType } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import { openState } from '@gantry/state'
import type { State } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import { Catalog } from './catalog.ts'
import { ask, imageDocument, pushManifest } from './fixtures/registry-fixture.ts'
import { createRegistry, diskStorage, rebuildRegistry, registryMigrations } from './index.ts'
import type { Registry, RegistryStorage } from './index.ts'
import { parseFile } from './repository-files.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-rebuild-'))
const codec = createCodec()
after(async () => {
  await codec.close()
  rmSync(directory, { recursive: true, force: true })
})

interface Opened extends AsyncDisposable {
  readonly state: State
  readonly storage: RegistryStorage
  readonly registry: Registry
  readonly pinnedBy: (digest: Digest) => readonly string[]
}

async function open(root: string): Promise<Opened> {
  const stack = new AsyncDisposableStack()
  const state = stack.use(openState(join(root, 'state.db'), [storeMigrations, ...registryMigrations]))
  const store = stack.use(await openStore({ root: join(root, 'content'), state, codec }))
  const storage = stack.use(diskStorage(store))
  const registry = stack.use(createRegistry({ storage, state, onError: (error) => assert.fail(String(error)) }))
  const pinnedBy = (digest: Digest): readonly string[] => store.pinnedBy(digest)
  return { state, storage, registry, pinnedBy, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

async function pushImage(
  registry: Registry,
  { repository, tag, extra = {} }: { repository: string; tag: string; extra?: Record<string, unknown> },
): Promise<Descriptor> {
  const document = { ...(await imageDocument(registry, tag, repository)), ...extra }
  const { response, descriptor } = await pushManifest(registry, document, { repository, reference: tag })
  assert.equal(response.status, 201)
  return descriptor
}

/** Everything that clients can see of a registry. */
async function look(registry: Registry, repositories: readonly string[], subject: Digest): Promise<unknown> {
  const json = async (path: string): Promise<unknown> => (await ask(registry, 'GET', path)).json()
  return {
    catalog: await json('/v2/_catalog'),
    tags: await Promise.all(repositories.map((name) => json(`/v2/${name}/tags/list`))),
    referrers: await Promise.all(repositories.map((name) => json(`/v2/${name}/referrers/${subject}`))),
  }
}

test('a lost database is made again from the blobs and the files beside them', async () => {
  const root = join(directory, 'lost')
  const names = ['a/b', 'c']
  let before: unknown
  let image: Descriptor
  {
    await using opened = await open(root)
    const { registry } = opened
    image = await pushImage(registry, { repository: 'a/b', tag: 'one' })
    await pushImage(registry, { repository: 'a/b', tag: 'sbom', extra: { subject: image, artifactType: 'app/sbom' } })
    await pushImage(registry, { repository: 'c', tag: 'two' })
    const gone = await pushImage(registry, { repository: 'c', tag: 'gone' })
    assert.equal((await ask(registry, 'DELETE', `/v2/c/manifests/${gone.digest}`)).status, 202)
    await pushImage(registry, { repository: 'c', tag: 'untagged' })
    assert.equal((await ask(registry, 'DELETE', '/v2/c/manifests/untagged')).status, 202)
    before = await look(registry, names, image.digest)
  }
  for (const file of ['state.db', 'state.db-wal', 'state.db-shm']) rmSync(join(root, file), { force: true })
  await using opened = await open(root)
  const { registry, storage, state, pinnedBy } = opened
  assert.equal((await ask(registry, 'GET', '/v2/a/b/manifests/one')).status, 404)
  const rebuilt = await rebuildRegistry({ storage, state })
  assert.deepEqual(rebuilt, { repositories: 2, manifests: 4, tags: 3, missing: [], unreadable: [] })
  assert.deepEqual(await look(registry, names, image.digest), before)
  assert.deepEqual(pinnedBy(image.digest), ['registry/a/b'])
  const manifest = (await (await ask(registry, 'GET', '/v2/a/b/manifests/one')).json()) as { layers: Descriptor[] }
  const layer = manifest.layers[0]?.digest
  assert.equal((await ask(registry, 'HEAD', `/v2/a/b/blobs/${layer}`)).status, 200)
  assert.equal((await ask(registry, 'HEAD', `/v2/c/blobs/${layer}`)).status, 404)
  assert.deepEqual(await rebuildRegistry({ storage, state }), { ...rebuilt, tags: 0 })
})

test('edges and referrers are derived from the manifests, and what is missing is told', async () => {
  await using opened = await open(join(directory, 'edges'))
  const { registry, storage, state } = opened
  const image = await pushImage(registry, { repository: 'a', tag: 'one' })
  const sbom = await pushImage(registry, { repository: 'a', tag: 'sbom', extra: { subject: image } })
  const catalog = new Catalog(state)
  const id = catalog.find('a') ?? 0
  const edges = catalog.children(id, sbom.digest)
  assert.deepEqual(
    edges.map((edge) => edge.kind),
    ['config', 'layer', 'subject'],
  )
  assert.deepEqual(catalog.parents(id, image.digest), [sbom.digest])
  const referrers = catalog.referrers(id, image.digest, { n: 10 })
  state.db.exec('DELETE FROM registry_edges; UPDATE registry_manifests SET subject = NULL, referrer = NULL')
  state.db.exec('DELETE FROM registry_blobs')
  const lost = digestOf(Buffer.from('lost'))
  catalog.putManifest(id, { digest: lost, mediaType: MediaType.imageManifest, size: 4, tags: [], edges: [] })
  const rebuilt = await rebuildRegistry({ storage, state })
  assert.deepEqual(rebuilt.missing, [{ repository: 'a', digest: lost }])
  assert.deepEqual(catalog.children(id, sbom.digest), edges)
  assert.deepEqual(catalog.referrers(id, image.digest, { n: 10 }), referrers)
  assert.ok(catalog.hasBlob(id, edges[1]?.child ?? lost))
  assert.equal((await ask(registry, 'DELETE', `/v2/a/manifests/${sbom.digest}`)).status, 202)
  assert.deepEqual(catalog.parents(id, image.digest), [])
})

test('tags of the database win over those of the files', async () => {
  const root = join(directory, 'tags')
  await using opened = await open(root)
  const { registry, storage, state } = opened
  const first = await pushImage(registry, { repository: 'a', tag: 'x' })
  const second = await pushImage(registry, { repository: 'a', tag: 'y' })
  const catalog = new Catalog(state)
  const id = catalog.find('a') ?? 0
  await registry[Symbol.asyncDispose]()
  catalog.putTag(id, 'x', second.digest)
  const { tags } = await rebuildRegistry({ storage, state })
  assert.equal(tags, 0)
  assert.equal(catalog.manifest(id, { kind: 'tag', tag: 'x' })?.digest, second.digest)
  assert.notEqual(first.digest, second.digest)
})

test('files that are not what they should be are told of and left alone', async () => {
  const root = join(directory, 'bad')
  await using opened = await open(root)
  const { registry, storage, state } = opened
  await pushImage(registry, { repository: 'a', tag: 'x' })
  await registry[Symbol.asyncDispose]()
  const files = join(root, 'content/repositories')
  const bad = join(files, 'other.json')
  writeFileSync(bad, encodeJson({ name: 'a', manifests: {}, tags: {} }))
  assert.deepEqual((await rebuildRegistry({ storage, state })).unreadable, [bad])
  assert.equal(readdirSync(files).length, 2)
})

for (const [rule, text, expected] of [
  ['no JSON', '{', undefined],
  ['no object', '[]', undefined],
  ['no name', '{}', undefined],
  ['a name that climbs', '{"name":"../x"}', undefined],
  ['a digest that is none is left out', '{"name":"a","manifests":{"x":"y"},"tags":{"t":"x","../t":"x"}}', 0],
] as const) {
  test(`a repository's file with ${rule}`, () => {
    const file = parseFile(Buffer.from(text))
    assert.equal(file === undefined ? undefined : file.manifests.size + file.tags.size, expected)
  })
}
