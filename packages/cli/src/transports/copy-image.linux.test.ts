import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { after, beforeEach, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import {
  assembleIndex,
  copy,
  MemoryStore,
  openImage,
  randomImage,
  readDocument,
  readerOf,
  validateImage,
} from '@gantry/image'
import { encodeJson, layerCompression, MediaType, parseIndex, parsePlatform, type Descriptor } from '@gantry/oci'
import { createRegistryClient } from '@gantry/registry-client'
import { openLayout } from '@gantry/store'
import { describeContent, expectCode } from '@gantry/testing'
import { transportWorld, type TestRegistry } from '../testing/transport-world.ts'
import { copyImage, type CopyImageOptions } from './copy-image.ts'
import { openSink } from './open-sink.ts'
import { openSource } from './open-source.ts'

const codec = createCodec()
const world = await transportWorld()
const here = await world.registry()
const there = await world.registry()
/** A registry without the referrers API: it neither lists them nor says that it took a subject. */
const old = await world.registry(async ({ path }) => {
  if (!path.includes('/referrers/')) return undefined
  return { status: 404, headers: { 'Content-Length': '0' } }
})
const client = createRegistryClient({ codec, credentials: async () => undefined })
after(async () => {
  await world[Symbol.asyncDispose]()
  await codec.close()
})

let count = 0
const fresh = (): string => `app${(count += 1)}`

async function copyAs(
  from: string,
  to: string,
  options: CopyImageOptions = {},
): Promise<Awaited<ReturnType<typeof copyImage>>> {
  const { result } = await world.command(async (context) => {
    await using source = await openSource(context, from)
    await using sink = await openSink(context, to)
    return await copyImage(context, { source, sink }, options)
  })
  return result
}

/** Puts an image for two platforms, with an attestation of the first, into a registry. */
async function pushIndex(
  registry: TestRegistry,
  repository: string,
): Promise<{ index: Descriptor; images: Descriptor[] }> {
  const store = new MemoryStore(codec)
  const images: Descriptor[] = []
  for (const text of ['linux/amd64', 'linux/arm64', 'linux/s390x']) {
    const platform = parsePlatform(text)
    const image = await randomImage({ codec, seed: 50 + images.length + count, platform, compression: 'gzip' })
    await copy(image.source, store, image.descriptor)
    images.push({ ...image.descriptor, platform })
  }
  const about = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': images[0]!.digest,
  }
  const attestation = await putArtifact(store, undefined, 'application/vnd.docker.attestation.manifest.v1+json')
  const unknown = { os: 'unknown', architecture: 'unknown' }
  const manifests = [...images, { ...attestation, annotations: about, platform: unknown }]
  const index = await assembleIndex({ manifests }, { source: store, codec })
  const remote = client.repository({ registry: registry.host, repository })
  await copy(index.source, remote, index.descriptor)
  await remote.tag('1', index.descriptor)
  return { index: index.descriptor, images }
}

async function putArtifact(
  store: MemoryStore,
  subject: Descriptor | undefined,
  artifactType: string,
): Promise<Descriptor> {
  const put = async (value: object, mediaType: string): Promise<Descriptor> => {
    const bytes = encodeJson(value)
    const descriptor = describeContent(bytes, { mediaType })
    await store.put(descriptor, readerOf(bytes))
    return descriptor
  }
  const empty = await put({}, MediaType.emptyJson)
  const mediaType = MediaType.imageManifest
  const document = { schemaVersion: 2, mediaType, artifactType, config: empty, layers: [empty] }
  return put(subject === undefined ? document : { ...document, subject: pointer(subject) }, mediaType)
}

const pointer = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size })

beforeEach(() => {
  here.requests.length = 0
  there.requests.length = 0
})

test('between registries nothing touches the disk, and the root is not even made', async () => {
  const name = fresh()
  const { index } = await pushIndex(here, name)
  const { descriptor } = await copyAs(`${here.host}/${name}:1`, `${there.host}/${name}:2`)
  assert.equal(descriptor.digest, index.digest)
  assert.equal(existsSync(world.root), false)
})

test('within a registry blobs are mounted: none is sent, also of some of the platforms', async () => {
  const name = fresh()
  await pushIndex(here, name)
  for (const platforms of [[], ['linux/amd64', 'linux/arm64']]) {
    here.requests.length = 0
    const options = { platforms: platforms.map((text) => parsePlatform(text)) }
    await copyAs(`registry:${here.host}/${name}:1`, `registry:${here.host}/copy-${name}-${platforms.length}:1`, options)
    const blobs = here.requests.filter((line) => line.includes('/blobs/') && !line.startsWith('HEAD '))
    assert.ok(blobs.length > 3)
    assert.deepEqual(
      blobs.filter((line) => !line.startsWith('POST ')),
      [],
    )
  }
})

test('one platform is its own manifest, several are an index of those and their attestations', async () => {
  const name = fresh()
  const { index, images } = await pushIndex(here, name)
  const from = `registry:${here.host}/${name}:1`
  const one = await copyAs(from, `oci:${world.path(name)}:one`, { platforms: [parsePlatform('linux/arm64')] })
  assert.equal(one.descriptor.digest, images[1]!.digest)
  const platforms = [parsePlatform('linux/amd64'), parsePlatform('linux/arm64')]
  const two = await copyAs(from, `oci:${world.path(name)}:two`, { platforms })
  const layout = await openLayout(world.path(name), { codec })
  const { manifests } = parseIndex(await readDocument(layout, two.descriptor))
  assert.deepEqual(
    manifests.map((each) => each.platform?.architecture),
    ['amd64', 'arm64', 'unknown'],
  )
  assert.deepEqual(await copyAs(from, `oci:${world.path(name)}:again`, { platforms }), two)
  await expectCode(copyAs(from, `oci:${world.path(name)}:x`, { platforms, preserveDigests: true }), 'DIGEST_CHANGED')
  await expectCode(
    copyAs(from, `oci:${world.path(name)}:x`, { platforms: [parsePlatform('linux/riscv64')] }),
    'PLATFORM_UNKNOWN',
  )
  assert.equal((await copyAs(from, `oci:${world.path(name)}:all`)).descriptor.digest, index.digest)
})

test('an image is converted to another format and compression, always the same, and its ID stays', async () => {
  const name = fresh()
  const { images } = await pushIndex(here, name)
  const from = `registry:${here.host}/${name}:1`
  const ids = new Set<string>()
  for (const format of ['oci', 'docker'] as const) {
    for (const compression of ['none', 'gzip', 'zstd'] as const) {
      const to = `oci:${world.path(`${name}-${format}`)}:${compression}`
      const platforms = [parsePlatform('linux/amd64')]
      if (format === 'docker' && compression === 'zstd') {
        await expectCode(copyAs(from, to, { format, compression, platforms }), 'FORMAT_UNSUPPORTED')
        continue
      }
      const { descriptor } = await copyAs(from, to, { format, compression, platforms })
      assert.deepEqual((await copyAs(from, to, { format, compression, platforms })).descriptor, descriptor)
      if (format === 'oci' && compression === 'gzip') assert.equal(descriptor.digest, images[0]!.digest)
      const layout = await openLayout(world.path(`${name}-${format}`), { codec })
      const image = await openImage(layout, descriptor, { codec })
      assert.deepEqual(await validateImage(image, { codec }), [])
      ids.add(image.configDescriptor.digest)
      const isDocker = descriptor.mediaType === MediaType.dockerManifest
      assert.equal(isDocker, format === 'docker')
      for (const layer of await image.layers()) assert.equal(layerCompression(layer.descriptor.mediaType), compression)
    }
  }
  assert.equal(ids.size, 1)
  const index = await copyAs(from, `${there.host}/${name}:docker`, { format: 'docker' })
  assert.equal(index.descriptor.mediaType, MediaType.dockerManifestList)
  await expectCode(
    copyAs(from, `${there.host}/${name}:x`, { format: 'docker', preserveDigests: true }),
    'DIGEST_CHANGED',
  )
  await expectCode(copyAs(from, `${there.host}/${name}:x`, { format: 'docker', referrers: true }), 'DIGEST_CHANGED')
})

test('from the store layers go compressed and are remembered, and an incomplete index without what is missing', async () => {
  const name = fresh()
  const store = new MemoryStore(codec)
  const manifests: Descriptor[] = []
  for (const text of ['linux/amd64', 'linux/arm64']) {
    const platform = parsePlatform(text)
    const image = await randomImage({ codec, seed: 90 + manifests.length, platform })
    if (manifests.length === 0) await copy(image.source, store, image.descriptor)
    manifests.push({ ...image.descriptor, platform })
  }
  const { descriptor: index, source } = await assembleIndex({ manifests }, { source: store, codec })
  const layout = await openLayout(world.path(name), { codec, create: true })
  await copy(source, layout, index, { sparse: true })
  await layout.tag('1', index)
  const stored = await copyAs(`oci:${layout.path}:1`, `store:localhost/${name}:1`)
  assert.equal(stored.descriptor.digest, index.digest)
  const pushed = await copyAs(`store:localhost/${name}:1`, `${there.host}/${name}:1`)
  const remote = client.repository({ registry: there.host, repository: name })
  const listed = parseIndex(await readDocument(remote, pushed.descriptor)).manifests
  assert.equal(listed.length, 1)
  const image = await openImage(remote, listed[0]!, { codec })
  for (const layer of await image.layers()) assert.equal(layerCompression(layer.descriptor.mediaType), 'gzip')
  there.requests.length = 0
  assert.deepEqual((await copyAs(`store:localhost/${name}:1`, `${there.host}/${name}:1`)).descriptor, pushed.descriptor)
  assert.deepEqual(
    there.requests.filter((line) => line.startsWith('POST ') || line.includes('/blobs/uploads/')),
    [],
  )
  await expectCode(
    copyAs(`store:localhost/${name}:1`, `${there.host}/${name}:1`, { preserveDigests: true }),
    'DIGEST_CHANGED',
  )
})

test('a docker archive holds the image of this machine unless all are asked for', async () => {
  const name = fresh()
  const { index, images } = await pushIndex(here, name)
  const file = world.path(`${name}.tar`)
  const from = `registry:${here.host}/${name}:1`
  const arm = { platforms: [parsePlatform('linux/arm64')] }
  assert.equal((await copyAs(from, `docker-archive:${file}:${name}:1`, arm)).descriptor.digest, images[1]!.digest)
  assert.equal((await copyAs(from, `docker-archive:${file}:${name}:1`, { all: true })).descriptor.digest, index.digest)
  const hosts = (await copyAs(from, `docker-archive:${file}:${name}:1`)).descriptor.digest
  assert.ok(images.slice(0, 2).some(({ digest }) => digest === hosts))
})

/** An image with a signature, a signature of that, and cosign's tags, in a registry. */
async function pushSigned(
  registry: TestRegistry,
  repository: string,
): Promise<{ image: Descriptor; signatures: Descriptor[] }> {
  const { source, descriptor } = await randomImage({ codec, seed: 500 + count })
  const first = await putArtifact(source, descriptor, 'application/x-signature')
  const second = await putArtifact(source, first, 'application/x-countersignature')
  const sbom = await putArtifact(source, undefined, 'application/x-sbom')
  const remote = client.repository({ registry: registry.host, repository })
  for (const each of [descriptor, first, second, sbom]) await copy(source, remote, each)
  await remote.tag('1', descriptor)
  await remote.tag(`${descriptor.digest.replace(':', '-')}.sbom`, sbom)
  return { image: descriptor, signatures: [first, second, sbom] }
}

async function assertSigned(
  registry: TestRegistry,
  repository: string,
  image: Descriptor,
  signatures: Descriptor[],
): Promise<void> {
  const remote = client.repository({ registry: registry.host, repository })
  const [first, second, sbom] = signatures
  const listed = async ({ digest }: Descriptor): Promise<string[]> => {
    const found: string[] = []
    for await (const each of remote.referrers(digest)) found.push(`${each.digest} ${each.artifactType}`)
    return found
  }
  assert.deepEqual(await listed(image), [`${first!.digest} application/x-signature`])
  assert.deepEqual(await listed(first!), [`${second!.digest} application/x-countersignature`])
  assert.equal((await remote.resolve(`${image.digest.replace(':', '-')}.sbom`))?.digest, sbom!.digest)
}

for (const [what, from, to] of [
  ['between registries', here, there],
  ['to a registry without the referrers API', here, old],
  ['between registries without the referrers API', old, old],
] as const) {
  test(`referrers go along ${what}, theirs too, and what is under tags`, async () => {
    const name = fresh()
    const { image, signatures } = await pushSigned(here, name)
    if (from === old) await copyAs(`${here.host}/${name}:1`, `${old.host}/${name}:1`, { referrers: true })
    const copied = await copyAs(`${from.host}/${name}:1`, `${to.host}/to/${name}:1`, { referrers: true })
    assert.equal(copied.attached, 3)
    await assertSigned(to, `to/${name}`, image, signatures)
    // Once more changes nothing.
    await copyAs(`${from.host}/${name}:1`, `${to.host}/to/${name}:1`, { referrers: true })
    await assertSigned(to, `to/${name}`, image, signatures)
  })
}

test('referrers go through the store, a layout and an archive', async () => {
  const name = fresh()
  const { image, signatures } = await pushSigned(here, name)
  const options = { referrers: true }
  const chain = [
    `registry:${here.host}/${name}:1`,
    `store:localhost/${name}:1`,
    `oci:${world.path(name)}:1`,
    `oci-archive:${world.path(`${name}.tar`)}:1`,
    `oci:${world.path(`${name}-2`)}:localhost/${name}:1`,
    `registry:${there.host}/${name}:1`,
  ]
  for (const [at, to] of chain.entries()) {
    if (at > 0) assert.equal((await copyAs(chain[at - 1]!, to, options)).attached, 3, to)
  }
  await assertSigned(there, name, image, signatures)
})

test('a fallback index keeps what is in it already', async () => {
  const name = fresh()
  const { image, signatures } = await pushSigned(here, name)
  const remote = client.repository({ registry: old.host, repository: name })
  const other = await randomImage({ codec, seed: 700 })
  const foreign = await putArtifact(other.source, image, 'application/x-foreign')
  const list = await assembleIndex(
    { manifests: [{ ...foreign, artifactType: 'application/x-foreign' }] },
    { source: other.source, codec },
  )
  await copy(other.source, remote, foreign)
  await copy(list.source, remote, list.descriptor)
  await remote.tag(image.digest.replace(':', '-'), list.descriptor)
  await copyAs(`${here.host}/${name}:1`, `${old.host}/${name}:1`, { referrers: true })
  const found: string[] = []
  for await (const { digest } of remote.referrers(image.digest)) found.push(digest)
  assert.deepEqual(found, [foreign.digest, signatures[0]!.digest])
})

test('a tag that moves during a copy changes nothing of it', async () => {
  const name = fresh()
  const { index } = await pushIndex(here, name)
  const moved = await randomImage({ codec, seed: 800 })
  const remote = client.repository({ registry: here.host, repository: name })
  await copy(moved.source, remote, moved.descriptor)
  await world.command(async (context) => {
    await using source = await openSource(context, `${here.host}/${name}:1`)
    await remote.tag('1', moved.descriptor)
    await using sink = await openSink(context, `${there.host}/${name}:1`)
    const { descriptor } = await copyImage(context, { source, sink })
    assert.equal(descriptor.digest, index.digest)
  })
  const copied = await client.repository({ registry: there.host, repository: name }).resolve('1')
  assert.equal(copied?.digest, index.digest)
})

test('a copy that broke off goes on with what is missing, and has given no name before', async () => {
  const name = fresh()
  await pushIndex(here, name)
  let left = 3
  const breaking = await world.registry(async ({ method }) => {
    if (method !== 'PUT' || left-- > 0) return undefined
    return { status: 400, headers: { 'Content-Length': '0' } }
  })
  await assert.rejects(copyAs(`${here.host}/${name}:1`, `${breaking.host}/${name}:1`), { side: 'sink' })
  const remote = client.repository({ registry: breaking.host, repository: name })
  assert.equal(await remote.resolve('1'), undefined)
  left = Number.MAX_SAFE_INTEGER
  breaking.requests.length = 0
  here.requests.length = 0
  await copyAs(`${here.host}/${name}:1`, `${breaking.host}/${name}:1`)
  const uploads = breaking.requests.filter((line) => line.startsWith('POST ') && line.includes('/uploads'))
  const reads = here.requests.filter((line) => line.startsWith('GET ') && line.includes('/blobs/sha256'))
  assert.ok(uploads.length < 10, String(uploads.length))
  assert.equal(reads.length, uploads.length)
})

test('an archive that cannot be finished is not there, and what stood in its place still is', async () => {
  const name = fresh()
  const { index } = await pushIndex(here, name)
  const file = world.path(`${name}.tar`)
  const to = `oci-archive:${file}:1`
  await copyAs(`${here.host}/${name}:1`, to)
  let isBroken = false
  const broken = await world.registry(async ({ method, path }) => {
    const isBlob = isBroken && method === 'GET' && path.includes('/blobs/')
    return isBlob ? { status: 404, headers: { 'Content-Length': '0' } } : undefined
  })
  await copyAs(`${here.host}/${name}:1`, `${broken.host}/${name}:1`)
  isBroken = true
  await expectCode(copyAs(`${broken.host}/${name}:1`, to), 'BLOB_UNKNOWN')
  const { result } = await world.command(async (context) => {
    await using source = await openSource(context, to)
    return source.descriptor.digest
  })
  assert.equal(result, index.digest)
  assert.deepEqual(
    (await readdir(world.directory)).filter((each) => each.includes('unfinished')),
    [],
  )
})

test('what is not there, and what cannot be chosen, is said', async () => {
  const name = fresh()
  await pushIndex(here, name)
  for (const tag of ['a', 'b']) {
    await copyAs(
      `${here.host}/${name}:1`,
      `oci:${world.path(name)}:${tag}`,
      tag === 'a' ? {} : { platforms: [parsePlatform('linux/arm64')] },
    )
  }
  for (const [text, code] of [
    [`oci:${world.path('nothing')}`, 'LAYOUT_INVALID'],
    [`oci:${world.path(name)}`, 'INVALID'],
    [`oci:${world.path(name)}:c`, 'NOT_FOUND'],
    [`store:localhost/nothing-${name}`, 'NOT_FOUND'],
    [`${here.host}/${name}:2`, 'MANIFEST_UNKNOWN'],
    [`oci-archive:${world.path('none.tar')}`, 'ARCHIVE_UNAVAILABLE'],
  ] as const) {
    await expectCode(
      world.command((context) => openSource(context, text)),
      code,
    )
  }
})
