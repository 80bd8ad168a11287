import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeJson, layerCompression, MediaType, parseDigest, parsePlatform, type Descriptor } from '@gantry/oci'
import { bodyOf, describeContent, expectCode, file, readAll, testCodec } from '@gantry/testing'
import { writeTar } from '@gantry/tar'
import { assembleImage, assembleIndex } from './assemble.ts'
import { chainIds } from './chain-ids.ts'
import { copy } from './copy.ts'
import { ingestLayer } from './ingest-layer.ts'
import { MemoryStore } from './memory-store.ts'
import { mutate } from './mutate.ts'
import { openImage, openIndex } from './open-image.ts'
import { randomImage } from './random-image.ts'
import { validateImage } from './validate.ts'

const codec = testCodec()

test('chain IDs hash each layer with all below it', async () => {
  const one = parseDigest(`sha256:${'1'.repeat(64)}`)
  const two = parseDigest(`sha256:${'2'.repeat(64)}`)
  const { digest } = describeContent(Buffer.from(`${one} ${two}`))
  assert.deepEqual(await chainIds([], codec), [])
  assert.deepEqual(await chainIds([one], codec), [one])
  assert.deepEqual(await chainIds([one, two], codec), [one, digest])
  const third = describeContent(Buffer.from(`${digest} ${one}`)).digest
  assert.deepEqual(await chainIds([one, two, one], codec), [one, digest, third])
})

for (const compression of ['none', 'gzip', 'zstd'] as const) {
  test(`a layer of compression ${compression} is the tar that was put in`, async () => {
    const store = new MemoryStore(codec)
    const tar = await readAll(writeTar([file('a', 'hello '.repeat(5000))]))
    const layer = await ingestLayer(bodyOf(tar), store, { codec, compression })
    assert.equal(layer.diffId, describeContent(tar).digest)
    assert.equal(layerCompression(layer.descriptor.mediaType), compression)
    const config = { os: 'linux', architecture: 'amd64' }
    const image = await assembleImage({ config, layers: [layer] }, { source: store, codec })
    const [view] = await image.layers()
    assert.deepEqual(await readAll(await view!.openTar()), tar)
    assert.deepEqual(await validateImage(image, { codec }), [])
  })
}

test('a layer that is not its diff ID fails at the end of its tar', async () => {
  const store = new MemoryStore(codec)
  const { descriptor } = await ingestLayer(writeTar([file('a')]), store, { codec, compression: 'gzip' })
  const diffId = parseDigest(`sha256:${'0'.repeat(64)}`)
  const config = { os: 'linux', architecture: 'amd64' }
  const image = await assembleImage({ config, layers: [{ descriptor, diffId }] }, { source: store, codec })
  const [layer] = await image.layers()
  await expectCode(readAll(await layer!.openTar()), 'DIGEST_MISMATCH')
  const problems = await validateImage(image, { codec })
  assert.deepEqual(
    problems.map((each) => (each as { code?: string }).code),
    ['DIGEST_MISMATCH'],
  )
})

test('an image is opened from its manifest', async () => {
  const image = await randomImage({ codec, seed: 1, layers: 3 })
  const opened = await openImage(image.source, image.descriptor, { codec })
  assert.equal((await opened.layers()).length, 3)
  assert.deepEqual((await opened.config()).config, { Cmd: ['/file-1'] })
  assert.equal(opened.configDescriptor.digest, (await opened.manifest()).config.digest)
})

test('what is no image is not opened', async () => {
  const image = await randomImage({ codec, seed: 1 })
  await expectCode(openImage(image.source, image.configDescriptor, { codec }), 'MANIFEST_UNKNOWN')
  const absent = describeContent(Buffer.from('{}'), { mediaType: MediaType.imageManifest })
  await expectCode(openImage(image.source, absent, { codec }), 'BLOB_UNKNOWN')
})

test('a manifest and a config that disagree about layers are refused', async () => {
  const { source, ...image } = await randomImage({ codec, seed: 1, layers: 2 })
  const manifest = await image.manifest()
  const bytes = encodeJson({ ...manifest, layers: manifest.layers.slice(1) })
  const descriptor = describeContent(bytes, { mediaType: MediaType.imageManifest })
  await source.put(descriptor, bodyOf(bytes))
  await expectCode((await openImage(source, descriptor, { codec })).layers(), 'LAYER_INVALID')
})

test('an index is opened by platform', async (context) => {
  const source = new MemoryStore(codec)
  const images: Descriptor[] = []
  for (const text of ['linux/amd64', 'linux/arm/v6', 'linux/arm/v7']) {
    const platform = parsePlatform(text)
    const image = await randomImage({ codec, seed: images.length, platform })
    await copy(image.source, source, image.descriptor)
    images.push({ ...image.descriptor, platform })
  }
  const withPlatforms = await assembleIndex({ manifests: images }, { source, codec })
  const bare = images.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }))
  const withoutPlatforms = await assembleIndex({ manifests: bare }, { source, codec })
  const outer = await assembleIndex(
    { manifests: [{ ...withPlatforms.descriptor, platform: parsePlatform('linux/arm/v7') }] },
    { source: withPlatforms.source, codec },
  )

  await context.test('said in the index', async () => {
    const image = await withPlatforms.image(parsePlatform('linux/arm/v7'))
    assert.equal(image.descriptor.digest, images[2]!.digest)
  })
  await context.test('said only in the configs', async () => {
    const image = await withoutPlatforms.image(parsePlatform('linux/arm/v6'))
    assert.equal(image.descriptor.digest, images[1]!.digest)
  })
  await context.test('through an index in an index', async () => {
    const image = await openImage(outer.source, outer.descriptor, { codec, platform: parsePlatform('linux/arm/v7') })
    assert.equal(image.descriptor.digest, images[2]!.digest)
  })
  await context.test('not without a platform, nor for one that is not there', async () => {
    const { source: all, descriptor } = withPlatforms
    await expectCode(openImage(all, descriptor, { codec }), 'PLATFORM_UNKNOWN')
    const index = await openIndex(all, descriptor, { codec })
    await assert.rejects(index.image(parsePlatform('linux/s390x')), /linux\/amd64, linux\/arm\/v6, linux\/arm\/v7/)
  })
})

test('mutate puts layers on top and changes config and annotations, and leaves the base as it is', async () => {
  const base = await randomImage({ codec, seed: 1 })
  const store = new MemoryStore(codec)
  const layer = await ingestLayer(writeTar([file('new', 'content')]), store, { codec })
  const history = { created_by: 'COPY new /' }
  const changed = await mutate(
    base,
    {
      append: [{ ...layer, source: store, history }],
      config: (config) => ({ ...config, config: { ...config.config, User: 'app' } }),
      annotations: { 'org.example': 'yes' },
    },
    codec,
  )
  const sink = new MemoryStore(codec)
  await copy(changed.source, sink, changed.descriptor)
  const opened = await openImage(sink, changed.descriptor, { codec })
  assert.deepEqual(await validateImage(opened, { codec }), [])
  assert.equal((await opened.layers()).length, 3)
  assert.equal((await opened.config()).config?.User, 'app')
  assert.deepEqual((await opened.config()).history?.at(-1), history)
  assert.deepEqual((await opened.manifest()).annotations, { 'org.example': 'yes' })
  assert.equal((await base.layers()).length, 2)

  const back = await mutate(opened, { annotations: { 'org.example': '' } }, codec)
  assert.equal((await back.manifest()).annotations, undefined)
})

test('mutate keeps what nobody knows of the config, and equal changes make equal images', async () => {
  const base = await randomImage({ codec, seed: 1 })
  const withMore = await mutate(base, { config: (config) => ({ ...config, 'x-more': [1] }) }, codec)
  const once = await mutate(withMore, {}, codec)
  assert.deepEqual(((await once.config()) as { 'x-more'?: unknown })['x-more'], [1])
  assert.equal(once.descriptor.digest, withMore.descriptor.digest)
})

test('validation finds what is missing', async () => {
  const image = await randomImage({ codec, seed: 5, layers: 3 })
  assert.deepEqual(await validateImage(image, { codec }), [])
  const [, second] = await image.layers()
  image.source.delete(second!.descriptor.digest)
  const problems = await validateImage(image, { codec })
  assert.deepEqual(
    problems.map((each) => (each as { code?: string }).code),
    ['BLOB_UNKNOWN'],
  )
})

test('the same seed makes the same image, another seed another', async () => {
  const [one, same, other] = [
    await randomImage({ codec, seed: 1 }),
    await randomImage({ codec, seed: 1 }),
    await randomImage({ codec, seed: 2 }),
  ]
  assert.equal(one.descriptor.digest, same.descriptor.digest)
  assert.notEqual(one.descriptor.digest, other.descriptor.digest)
})
