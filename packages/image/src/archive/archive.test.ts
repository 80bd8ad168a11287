import assert from 'node:assert/strict'
import { writeFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { digestHex, encodeJson, parsePlatform, type Descriptor } from '@gantry/oci'
import {
  bodyOf,
  expectCode,
  file,
  readAll,
  runTool,
  symlink,
  temporaryDirectory,
  testCodec,
  toolsMissing,
} from '@gantry/testing'
import { readTar, writeTar, type TarInput } from '@gantry/tar'
import { assembleIndex } from '../assemble.ts'
import { copy } from '../copy.ts'
import type { Image } from '../image.ts'
import { MemoryStore } from '../memory-store.ts'
import { openImage } from '../open-image.ts'
import { randomImage } from '../random-image.ts'
import { readDocument } from '../read-document.ts'
import { validateImage } from '../validate.ts'
import { loadArchive } from './load.ts'
import { saveDockerArchive, type ArchivedImage } from './save.ts'

const codec = testCodec()
const reference = 'localhost/app:1'
const skopeoMissing = toolsMissing('skopeo') ?? false

const save = (images: readonly ArchivedImage[], source: Image['source']): Promise<Buffer> => {
  return readAll(saveDockerArchive(images, { source }))
}

const load = (archive: Uint8Array, spool: MemoryStore): Promise<readonly ArchivedImage[]> => {
  return loadArchive(bodyOf(archive), { spool, codec })
}

async function assertWhole(store: MemoryStore, descriptor: Descriptor): Promise<Image> {
  const image = await openImage(store, descriptor, { codec })
  assert.deepEqual(await validateImage(image, { codec }), [])
  return image
}

/** An archive as Docker before 25 writes it: a directory for each layer, the second layer's tar a link to the first. */
async function oldDockerArchive(
  image: Image,
  change: (entries: TarInput[]) => TarInput[] = (all) => all,
): Promise<Buffer> {
  const config = Buffer.from(await readDocument(image.source, image.configDescriptor))
  const entries: TarInput[] = []
  const paths: string[] = []
  for (const [at, layer] of (await image.layers()).entries()) {
    const tar = await readAll(await layer.openTar())
    entries.push(file(`layer${at}/VERSION`, '1.0'), file(`layer${at}/json`, '{}'))
    entries.push(file(`blob${at}.tar`, tar), symlink(`layer${at}/layer.tar`, `../blob${at}.tar`))
    paths.push(`layer${at}/layer.tar`)
  }
  const name = `${digestHex(image.configDescriptor.digest)}.json`
  const manifest = [{ Config: name, RepoTags: ['app:1', 'registry.example/app:2'], Layers: paths }]
  entries.push(file(name, config), file('manifest.json', encodeJson(manifest)), file('repositories', '{}'))
  return readAll(writeTar(change(entries)))
}

test('what is saved is loaded as it was', async () => {
  const image = await randomImage({ codec, seed: 1, compression: 'gzip' })
  const spool = new MemoryStore(codec)
  const loaded = await load(await save([{ reference, descriptor: image.descriptor }], image.source), spool)
  assert.deepEqual(loaded, [{ reference, descriptor: image.descriptor }])
  await assertWhole(spool, image.descriptor)
})

test('an archive is an image layout with a manifest.json, each blob once, always the same bytes', async () => {
  const image = await randomImage({ codec, seed: 1 })
  const images = [
    { reference, descriptor: image.descriptor },
    { reference: 'docker.io/library/app:latest', descriptor: image.descriptor },
    { reference: `localhost/other@${image.descriptor.digest}`, descriptor: image.descriptor },
  ]
  const archive = await save(images, image.source)
  assert.deepEqual(await save(images, image.source), archive)
  const files = new Map<string, Buffer>()
  for await (const { header, body } of readTar(bodyOf(archive))) {
    assert.ok(!files.has(header.path))
    files.set(header.path, await readAll(body))
  }
  assert.equal([...files.keys()].filter((path) => path.startsWith('blobs/sha256/')).length, 4)
  const [docker, ...more] = JSON.parse(String(files.get('manifest.json'))) as { RepoTags: string[]; Config: string }[]
  assert.deepEqual(more, [])
  assert.deepEqual(docker?.RepoTags, [reference, 'app:latest'])
  assert.equal(docker?.Config, `blobs/sha256/${digestHex(image.configDescriptor.digest)}`)
})

test('an image of several platforms is saved as far as it is there', async () => {
  const store = new MemoryStore(codec)
  const manifests: Descriptor[] = []
  for (const text of ['linux/amd64', 'linux/arm64']) {
    const platform = parsePlatform(text)
    const image = await randomImage({ codec, seed: manifests.length, platform })
    if (text === 'linux/arm64') await copy(image.source, store, image.descriptor)
    manifests.push({ ...image.descriptor, platform })
  }
  const index = await assembleIndex({ manifests }, { source: store, codec })
  const archive = await save([{ reference, descriptor: index.descriptor }], index.source)
  const spool = new MemoryStore(codec)
  const [loaded] = await load(archive, spool)
  assert.equal(loaded?.descriptor.digest, index.descriptor.digest)
  const image = await openImage(spool, loaded.descriptor, { codec, platform: parsePlatform('linux/arm64') })
  assert.deepEqual(await validateImage(image, { codec }), [])

  const other = saveDockerArchive([index], { source: index.source, platform: parsePlatform('linux/amd64') })
  await expectCode(readAll(other), 'PLATFORM_UNKNOWN')
})

test('an archive goes through a spool into another sink', async () => {
  const image = await randomImage({ codec, seed: 1 })
  const archive = await save([{ descriptor: image.descriptor }], image.source)
  const sink = new MemoryStore(codec)
  const loaded = await loadArchive(bodyOf(archive), { spool: new MemoryStore(codec), sink, codec })
  assert.deepEqual(loaded, [{ descriptor: image.descriptor }])
  await assertWhole(sink, image.descriptor)
})

test('an old archive of docker save is loaded, its config byte for byte', async () => {
  const image = await randomImage({ codec, seed: 1, compression: 'gzip' })
  const spool = new MemoryStore(codec)
  const loaded = await load(await oldDockerArchive(image), spool)
  assert.deepEqual(
    loaded.map((each) => each.reference),
    ['docker.io/library/app:1', 'registry.example/app:2'],
  )
  const opened = await assertWhole(spool, loaded[0]!.descriptor)
  assert.equal(opened.configDescriptor.digest, image.configDescriptor.digest)
})

for (const [kind, compress] of [
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const) {
  test(`archives and layers compressed with ${kind} are loaded`, async () => {
    const image = await randomImage({ codec, seed: 1 })
    const spool = new MemoryStore(codec)
    const archive = await oldDockerArchive(image, (entries) =>
      entries.map((entry) => {
        if (!entry.header.path.startsWith('blob')) return entry
        return file(entry.header.path, compress(Buffer.concat([...(entry.body as Iterable<Uint8Array>)])))
      }),
    )
    const [loaded] = await load(compress(archive), spool)
    await assertWhole(spool, loaded!.descriptor)
  })
}

test('a bad archive is refused with a code', async (context) => {
  const image = await randomImage({ codec, seed: 1 })
  const good = await save([{ descriptor: image.descriptor }], image.source)
  const tampered = Buffer.from(good)
  tampered[tampered.indexOf('/file-1')] = 0x2d
  const old = (change: (entries: TarInput[]) => TarInput[]): Promise<Buffer> => oldDockerArchive(image, change)
  const rows: readonly [rule: string, archive: Uint8Array, code: string][] = [
    ['no tar', Buffer.from('this is not an archive'.repeat(100)), 'ARCHIVE_INVALID'],
    ['nothing', new Uint8Array(), 'ARCHIVE_INVALID'],
    ['compressed with something else', Buffer.from('fd377a585a000000', 'hex'), 'ARCHIVE_INVALID'],
    ['cut off', good.subarray(0, good.length / 2), 'ARCHIVE_INVALID'],
    ['neither kind of archive', await readAll(writeTar([file('a')])), 'ARCHIVE_INVALID'],
    ['a blob that is not its name', tampered, 'DIGEST_MISMATCH'],
    ['a layer that is missing', await old(without('blob1.tar')), 'ARCHIVE_INVALID'],
    [
      'a layer that is not its diff ID',
      await old((entries) => [...without('blob0.tar')(entries), file('blob0.tar', 'other')]),
      'DIGEST_MISMATCH',
    ],
    [
      'links in a circle',
      await old((entries) => [...without('blob0.tar')(entries), symlink('blob0.tar', 'layer0/layer.tar')]),
      'ARCHIVE_INVALID',
    ],
    [
      'a path out of the archive',
      await old((entries) => [...without('blob0.tar')(entries), symlink('blob0.tar', '../../etc/passwd')]),
      'ARCHIVE_INVALID',
    ],
    ['a manifest.json that is no list', await readAll(writeTar([file('manifest.json', '{}')])), 'ARCHIVE_INVALID'],
    ['a manifest.json of texts', await readAll(writeTar([file('manifest.json', '["a"]')])), 'ARCHIVE_INVALID'],
    ['a layout without images', await indexOnly(), 'ARCHIVE_INVALID'],
    ['a manifest.json without images', await readAll(writeTar([file('manifest.json', '[]')])), 'ARCHIVE_INVALID'],
    ['an index that is none', await readAll(writeTar([file('index.json', '<html>')])), 'ARCHIVE_INVALID'],
    ['cut off in its compression', gzipSync(good).subarray(0, -20), 'ARCHIVE_INVALID'],
    ['an index without its manifest', await indexOnly(image.descriptor), 'BLOB_UNKNOWN'],
  ]
  for (const [rule, archive, code] of rows) {
    await context.test(rule, async () => {
      const loading = load(archive, new MemoryStore(codec))
      await expectCode(loading, code)
      await assert.rejects(loading, { code, message: /^Cannot load the / })
    })
  }
})

function without(path: string): (entries: TarInput[]) => TarInput[] {
  return (entries) => entries.filter((entry) => entry.header.path !== path)
}

async function indexOnly(...manifests: readonly Descriptor[]): Promise<Buffer> {
  return readAll(writeTar([file('index.json', encodeJson({ schemaVersion: 2, manifests }))]))
}

test('an abort ends loading', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const body = async function* (): AsyncGenerator<Uint8Array> {
    setImmediate(() => controller.abort(reason))
    await new Promise(() => undefined)
    yield new Uint8Array()
  }
  const loading = loadArchive(body(), { spool: new MemoryStore(codec), codec, signal: controller.signal })
  await assert.rejects(loading, reason)
})

for (const transport of ['oci-archive', 'docker-archive'] as const) {
  test(`skopeo reads what is saved, as ${transport}, and is read`, { skip: skopeoMissing }, async () => {
    await using directory = await temporaryDirectory()
    const image = await randomImage({ codec, seed: 1, compression: 'gzip' })
    const [ours, theirs] = [join(directory.path, 'ours.tar'), join(directory.path, 'theirs.tar')]
    await writeFile(ours, await save([{ reference, descriptor: image.descriptor }], image.source))
    const tag = transport === 'oci-archive' ? '1' : reference
    await runTool('skopeo', [
      'copy',
      '--insecure-policy',
      `${transport}:${ours}:${tag}`,
      `${transport}:${theirs}:${reference}`,
    ])
    const spool = new MemoryStore(codec)
    const [loaded] = await load(await readFile(theirs), spool)
    assert.equal(loaded?.reference, reference)
    const opened = await assertWhole(spool, loaded.descriptor)
    assert.equal(opened.configDescriptor.digest, image.configDescriptor.digest)
  })
}

test('gunzip agrees with our gzip layers', async () => {
  const image = await randomImage({ codec, seed: 1, compression: 'gzip' })
  const [layer] = await image.layers()
  assert.deepEqual(gunzipSync(await readAll(await layer!.open())), await readAll(await layer!.openTar()))
})
