import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeJson, MediaType, type Descriptor } from '@gantry/oci'
import { directory, file, hardlink, imageOf, symlink, testCodec } from '@gantry/testing'
import type { TarInput } from '@gantry/tar'
import { assembleImage, assembleIndex } from '../assemble.ts'
import { describeBytes, readerOf } from '../bytes.ts'
import { copy } from '../copy.ts'
import type { Image } from '../image.ts'
import { MemoryStore } from '../memory-store.ts'
import { randomImage } from '../random-image.ts'
import { diffImages } from './diff-images.ts'
import { validateContent } from './validate-content.ts'

const codec = testCodec()

async function stack(...layers: (readonly TarInput[])[]): Promise<Image> {
  return imageOf(new MemoryStore(codec), layers, { codec })
}

async function put(store: MemoryStore, value: unknown, mediaType: string): Promise<Descriptor> {
  const bytes = encodeJson(value)
  const descriptor = await describeBytes(bytes, mediaType, codec)
  await store.put(descriptor, readerOf(bytes))
  return descriptor
}

describe('diffImages', () => {
  test('of an image with itself is nothing', async () => {
    const image = await stack([file('a')])
    const difference = await diffImages(image, image, { codec })
    assert.deepEqual([difference.isSame, difference.config, difference.files], [true, [], []])
  })

  test('two stackings of the same files differ in their layers alone', async () => {
    const one = await stack([file('a', '1'), file('b', '2')])
    const other = await stack([file('a', '0')], [file('a', '1'), file('b', '2')])
    const difference = await diffImages(one, other, { codec })
    assert.deepEqual([difference.isSame, difference.files], [false, []])
    assert.deepEqual(
      difference.layers.map((layer) => layer.in),
      ['first', 'second', 'second'],
    )
  })

  const base = [
    directory('d'),
    file('d/a', 'one'),
    symlink('l', 'd'),
    file('x', '1', { xattrs: { 'user.a': Buffer.from('1') } }),
  ]
  const rows: readonly [string, readonly TarInput[], readonly string[]][] = [
    ['an added file', [file('n', '1')], ['added n ']],
    ['a removed file', [file('d/.wh.a')], ['removed d/a ']],
    ['content of the same size', [file('d/a', 'two')], ['changed d/a content']],
    ['content of another size', [file('d/a', 'three')], ['changed d/a size,content']],
    ['mode and owner', [file('d/a', 'one', { mode: 0o600, uid: 1 })], ['changed d/a mode,owner']],
    ['a link', [symlink('l', 'e')], ['changed l link']],
    ['another type', [file('l', 'd')], ['changed l type']],
    ['extended attributes', [file('x', '1', { xattrs: { 'user.a': Buffer.from('2') } })], ['changed x xattrs']],
    ['a time, which does not count', [file('d/a', 'one', { mtime: 99 })], []],
  ]
  for (const [what, layer, expected] of rows) {
    test(`tells ${what}`, async () => {
      const { files = [], layers } = await diffImages(await stack(base), await stack(base, layer), { codec })
      assert.deepEqual(
        files.map(({ kind, path, aspects }) => `${kind} ${path} ${aspects.join()}`),
        expected,
      )
      assert.deepEqual(
        layers.map((each) => each.in),
        ['both', 'second'],
      )
    })
  }

  test('tells a time when it is asked for, and digests of what differs', async () => {
    const { files = [] } = await diffImages(await stack(base), await stack(base, [file('d/a', 'one', { mtime: 99 })]), {
      codec,
      times: true,
    })
    assert.deepEqual(
      files.map(({ aspects }) => aspects),
      [['mtime']],
    )
    assert.equal(files[0]?.before?.digest, files[0]?.after?.digest)
    assert.match(files[0]?.after?.digest ?? '', /^sha256:/)
  })

  test('hard links are files like others', async () => {
    const one = await stack([file('a', '1'), hardlink('b', 'a')])
    const other = await stack([file('a', '1'), file('b', '1')])
    assert.deepEqual((await diffImages(one, other, { codec })).files, [])
  })

  test('names the fields of the configuration, variables by their names', async () => {
    const store = new MemoryStore(codec)
    const one = await imageOf(store, [[]], { codec, config: { Env: ['A=1', 'B=2'], Labels: { 'a.b': 'x' } } })
    const other = await imageOf(store, [[]], { codec, config: { Env: ['B=2', 'A=2'], Cmd: ['x'] } })
    const { config, layers } = await diffImages(one, other, { codec })
    assert.deepEqual(config, [
      { field: 'config.Cmd', before: undefined, after: ['x'] },
      { field: 'config.Env.A', before: '1', after: '2' },
      { field: 'config.Labels', before: { 'a.b': 'x' }, after: undefined },
    ])
    assert.deepEqual(
      layers.map((layer) => layer.in),
      ['both'],
    )
  })
})

describe('validateContent', () => {
  test('finds nothing wrong with images, indexes and what they are packed in', async () => {
    for (const compression of ['none', 'gzip', 'zstd'] as const) {
      const { source: store, descriptor } = await randomImage({ codec, compression })
      const platform = { os: 'linux', architecture: 'amd64' }
      const index = await assembleIndex({ manifests: [{ ...descriptor, platform }] }, { source: store, codec })
      await copy(index.source, store, index.descriptor)
      for (const depth of ['fast', 'full'] as const)
        assert.deepEqual(await validateContent(store, index.descriptor, { codec, depth }), [])
    }
  })

  test('a layer that is missing is found, fast or not', async () => {
    const image = await randomImage({ codec })
    const [layer] = await image.layers()
    image.source.delete(layer!.descriptor.digest)
    for (const depth of ['fast', 'full'] as const) {
      const problems = await validateContent(image.source, image.descriptor, { codec, depth })
      assert.deepEqual(
        problems.map(({ digest, code }) => [digest, code]),
        [[layer!.descriptor.digest, 'BLOB_UNKNOWN']],
      )
    }
  })

  test('bytes that are not the digest’s are found', async () => {
    const image = await randomImage({ codec })
    const [layer] = await image.layers()
    const damaged = {
      open: async (descriptor: Descriptor) =>
        descriptor.digest === layer!.descriptor.digest
          ? readerOf(new Uint8Array(descriptor.size))
          : image.source.open(descriptor),
    }
    const problems = await validateContent(damaged, image.descriptor, { codec })
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['DIGEST_MISMATCH'],
    )
    assert.deepEqual(await validateContent(damaged, image.descriptor, { codec, depth: 'fast' }), [])
  })

  const layerRows: readonly [string, readonly TarInput[], string][] = [
    ['a path that leaves the root', [file('../x')], 'PATH_ESCAPES'],
    ['a whiteout of nothing', [file('.wh.')], 'PATH_ESCAPES'],
    ['an entry through a file', [file('a'), file('a/b')], 'LAYER_INVALID'],
  ]
  for (const [what, entries, code] of layerRows) {
    test(`${what} is found`, async () => {
      const store = new MemoryStore(codec)
      const image = await imageOf(store, [entries], { codec })
      assert.deepEqual(
        (await validateContent(store, image.descriptor, { codec })).map((each) => each.code),
        [code],
      )
    })
  }

  test('a tar that is none is found', async () => {
    const store = new MemoryStore(codec)
    const layer = await put(store, { this: 'is no tar' }, MediaType.layerTar)
    const image = await assembleImage(
      { config: { architecture: 'amd64', os: 'linux' }, layers: [{ descriptor: layer, diffId: layer.digest }] },
      { source: store, codec },
    )
    await copy(image.source, store, image.descriptor)
    assert.equal((await validateContent(store, image.descriptor, { codec })).length, 1)
    assert.deepEqual(await validateContent(store, image.descriptor, { codec, depth: 'fast' }), [])
  })

  test('what documents contradict each other in is found', async () => {
    const image = await randomImage({ codec })
    const { source: store } = image
    const manifest = await image.manifest()
    const config = { ...(await image.config()), history: [{ created_by: 'x' }] }
    const fewer = { ...config, rootfs: { type: 'layers', diff_ids: config.rootfs.diff_ids.slice(1) } }
    const odd = await put(
      store,
      { ...manifest, config: await put(store, fewer, MediaType.imageConfig) },
      MediaType.imageManifest,
    )
    const platform = { os: 'windows', architecture: 'amd64' }
    const index = await put(
      store,
      { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [{ ...odd, platform }] },
      MediaType.imageIndex,
    )
    const found = await validateContent(store, index, { codec, depth: 'fast' })
    assert.deepEqual(
      found.map(({ code }) => code),
      ['LAYER_INVALID', 'LAYER_INVALID', 'PLATFORM_MISMATCH'],
    )
  })

  test('a manifest that is missing is a problem, unless the index may be sparse', async () => {
    const image = await randomImage({ codec })
    const missing = {
      ...image.descriptor,
      digest: image.configDescriptor.digest.replace(/.{8}$/, '00000000') as Descriptor['digest'],
    }
    const index = await put(
      image.source,
      { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [image.descriptor, missing] },
      MediaType.imageIndex,
    )
    assert.equal((await validateContent(image.source, index, { codec })).length, 1)
    assert.deepEqual(await validateContent(image.source, index, { codec, sparse: true }), [])
  })

  test('a circle of indexes ends', async () => {
    const store = new MemoryStore(codec)
    let inner = await put(
      store,
      { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [] },
      MediaType.imageIndex,
    )
    for (let depth = 0; depth < 12; depth++) {
      inner = await put(
        store,
        { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [inner] },
        MediaType.imageIndex,
      )
    }
    assert.deepEqual(
      (await validateContent(store, inner, { codec })).map(({ code }) => code),
      ['MANIFEST_INVALID'],
    )
  })
})
