import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { digestHex, encodeJson, MediaType } from '@gantry/oci'
import { bodyOf, describeContent, expectCode, file, hardlink, readAll, symlink, testCodec } from '@gantry/testing'
import { writeTar, type TarInput } from '@gantry/tar'
import { copy } from '../copy.ts'
import { MemoryStore } from '../memory-store.ts'
import { randomImage } from '../random-image.ts'
import { readDocument } from '../read-document.ts'
import { loadArchive } from './load.ts'
import { openArchive } from './open-archive.ts'
import { plainArchive } from './plain-archive.ts'
import type { RandomAccess } from './random-access.ts'
import { saveArchive, saveDockerArchive } from './save.ts'

const codec = testCodec()
const image = await randomImage({ codec, seed: 1 })
const good = await readAll(
  saveDockerArchive([{ reference: 'localhost/app:1', descriptor: image.descriptor }], { source: image.source }),
)

function randomAccess(bytes: Uint8Array): RandomAccess {
  return { size: bytes.length, read: (start, end) => bodyOf(bytes.subarray(start, end)) }
}

/** The two ways to take an archive in: as it streams by, and where it lies. Both read everything. */
const ways: Readonly<Record<string, (archive: Uint8Array) => Promise<unknown>>> = {
  'as a stream': (archive) => loadArchive(bodyOf(archive), { spool: new MemoryStore(codec), codec }),
  'in its place': async (archive) => {
    const opened = await openArchive(randomAccess(archive), { codec })
    for (const { descriptor } of opened.entries)
      await copy(opened, new MemoryStore(codec), descriptor, { sparse: true })
  },
}

/** An archive as Docker before 25 wrote it, changed. */
async function old(change: (entries: TarInput[]) => TarInput[]): Promise<Buffer> {
  const config = Buffer.from(await readDocument(image.source, image.configDescriptor))
  const layers = await Promise.all((await image.layers()).map(async (layer) => readAll(await layer.openTar())))
  const manifest = [{ Config: 'config.json', RepoTags: ['app:1'], Layers: layers.map((_, at) => `${at}/layer.tar`) }]
  const entries = [
    ...layers.map((layer, at) => file(`${at}/layer.tar`, layer)),
    file('config.json', config),
    file('manifest.json', encodeJson(manifest)),
  ]
  return readAll(writeTar(change(entries)))
}

const isAt =
  (path: string) =>
  (entry: TarInput): boolean =>
    entry.header.path === path
const without =
  (path: string) =>
  (entries: TarInput[]): TarInput[] =>
    entries.filter((entry) => !isAt(path)(entry))
const replace =
  (path: string, ...by: TarInput[]) =>
  (entries: TarInput[]): TarInput[] => [...without(path)(entries), ...by]
const tar = (...entries: TarInput[]): Promise<Buffer> => readAll(writeTar(entries))
const manifestOf = (value: unknown) => replace('manifest.json', file('manifest.json', JSON.stringify(value)))

const missing = { ...image.descriptor, digest: describeContent(Buffer.from('x')).digest }
const lying = { ...image.descriptor, size: image.descriptor.size - 1 }
const indexOf = (...manifests: unknown[]): Promise<Buffer> =>
  tar(file('index.json', encodeJson({ schemaVersion: 2, manifests })))
const nested = `${'['.repeat(200)}${']'.repeat(200)}`
const blobOf = (text: string): TarInput =>
  file(`blobs/sha256/${digestHex(describeContent(Buffer.from('y')).digest)}`, text)
const liar = describeContent(Buffer.from('y'), { mediaType: MediaType.imageManifest })

const rows: readonly [rule: string, archive: Uint8Array, codes: string][] = [
  ['a Config that leads out', await old(manifestOf([{ Config: '../../etc/passwd', Layers: [] }])), 'ARCHIVE_INVALID'],
  [
    'a layer that leads out',
    await old(manifestOf([{ Config: 'config.json', Layers: ['/../x', '1/layer.tar'] }])),
    'ARCHIVE_INVALID',
  ],
  [
    'a link that leads out',
    await old(replace('0/layer.tar', symlink('0/layer.tar', '../../../etc/passwd'))),
    'ARCHIVE_INVALID',
  ],
  [
    'an absolute link to nothing',
    await old(replace('0/layer.tar', symlink('0/layer.tar', '/etc/passwd'))),
    'ARCHIVE_INVALID',
  ],
  [
    'links in a circle',
    await old(replace('0/layer.tar', symlink('0/layer.tar', 'a'), symlink('0/a', 'layer.tar'))),
    'ARCHIVE_INVALID',
  ],
  [
    'a hard link to itself',
    await old(replace('0/layer.tar', hardlink('0/layer.tar', '0/layer.tar'))),
    'ARCHIVE_INVALID',
  ],
  [
    'a chain of a hundred links',
    await old(
      replace(
        '0/layer.tar',
        symlink('0/layer.tar', '../l0'),
        ...Array.from({ length: 100 }, (_, at) => symlink(`l${at}`, `l${at + 1}`)),
      ),
    ),
    'ARCHIVE_INVALID',
  ],
  ['an entry that leads out', await old((all) => [...all, file('../../x', 'x')]), 'ARCHIVE_INVALID'],
  ['a layer that is missing', await old(without('1/layer.tar')), 'ARCHIVE_INVALID'],
  ['a config that is missing', await old(without('config.json')), 'ARCHIVE_INVALID'],
  [
    'a layer that is not its diff ID',
    await old(replace('0/layer.tar', file('0/layer.tar', 'other'))),
    'DIGEST_MISMATCH|SIZE_MISMATCH|ARCHIVE_INVALID',
  ],
  [
    'layers in the wrong order',
    await old(manifestOf([{ Config: 'config.json', Layers: ['1/layer.tar', '0/layer.tar'] }])),
    'DIGEST_MISMATCH',
  ],
  [
    'more layers than diff IDs',
    await old(manifestOf([{ Config: 'config.json', Layers: ['0/layer.tar', '1/layer.tar', '1/layer.tar'] }])),
    'ARCHIVE_INVALID',
  ],
  ['a config twice, not the same', await old((all) => [...all, file('config.json', '{}')]), 'ARCHIVE_INVALID'],
  ['manifest.json twice', await old((all) => [...all, file('manifest.json', '[]')]), 'ARCHIVE_INVALID'],
  ['a config that is no JSON', await old(replace('config.json', file('config.json', '<html>'))), 'ARCHIVE_INVALID'],
  [
    'a config that is huge',
    await old(replace('config.json', file('config.json', Buffer.alloc(5_000_000, ' ')))),
    'SIZE_MISMATCH',
  ],
  [
    'a manifest.json that is huge',
    await old(replace('manifest.json', file('manifest.json', Buffer.alloc(5_000_000, ' ')))),
    'ARCHIVE_INVALID',
  ],
  [
    'a manifest.json nested without end',
    await old(replace('manifest.json', file('manifest.json', nested))),
    'ARCHIVE_INVALID',
  ],
  [
    'a name that is none',
    await old(manifestOf([{ Config: 'config.json', RepoTags: ['A B'], Layers: ['0/layer.tar', '1/layer.tar'] }])),
    'ARCHIVE_INVALID',
  ],
  ['an index.json nested without end', await tar(file('index.json', nested)), 'ARCHIVE_INVALID'],
  ['an index.json that is huge', await tar(file('index.json', Buffer.alloc(5_000_000, ' '))), 'ARCHIVE_INVALID'],
  [
    'an oci-layout of the future',
    await tar(
      file('oci-layout', '{"imageLayoutVersion":"9"}'),
      file('index.json', encodeJson({ schemaVersion: 2, manifests: [image.descriptor] })),
    ),
    'ARCHIVE_INVALID',
  ],
  ['an index of what is missing', await indexOf(missing), 'BLOB_UNKNOWN'],
  [
    'a blob that is not its name',
    await tar(blobOf('not y'), file('index.json', encodeJson({ schemaVersion: 2, manifests: [liar] }))),
    'DIGEST_MISMATCH|SIZE_MISMATCH',
  ],
  [
    'a size that is not the blob’s',
    await tar(...(await blobFiles()), file('index.json', encodeJson({ schemaVersion: 2, manifests: [lying] }))),
    'SIZE_MISMATCH|BLOB_UNKNOWN|DIGEST_MISMATCH',
  ],
  ['cut off in a layer', good.subarray(0, 2000), 'ARCHIVE_INVALID'],
  ['cut off in a header', good.subarray(0, 700), 'ARCHIVE_INVALID'],
  ['nothing', new Uint8Array(), 'ARCHIVE_INVALID'],
  ['zeros', new Uint8Array(4096), 'ARCHIVE_INVALID'],
  ['text', Buffer.from('this is no archive '.repeat(100)), 'ARCHIVE_INVALID'],
]

async function blobFiles(): Promise<TarInput[]> {
  const read = image.source.blobs().map(async (blob) => {
    return file(`blobs/sha256/${digestHex(blob.digest)}`, await readAll(await image.source.open(blob)))
  })
  return Promise.all(read)
}

for (const [way, take] of Object.entries(ways)) {
  describe(`a hostile archive is refused with a code, ${way}`, () => {
    for (const [rule, archive, codes] of rows) {
      test(rule, async () => {
        const error = await take(archive).then(
          () => assert.fail('it was taken'),
          (reason: unknown) => reason,
        )
        assert.ok(error instanceof Error)
        assert.match(String(Reflect.get(error, 'code')), new RegExp(`^(?:${codes})$`), error.message)
        assert.match(error.message, /^Cannot (?:load|copy|read) /)
      })
    }
  })
}

test('a blob that is there twice is taken: its name says what it is', async () => {
  const blobs = await blobFiles()
  const index = encodeJson({ schemaVersion: 2, manifests: [image.descriptor] })
  const archive = await tar(...blobs, ...(await blobFiles()), file('index.json', index))
  for (const take of Object.values(ways)) await take(archive)
})

test('a bomb is refused after what it may cost', async () => {
  const zeros = gzipSync(Buffer.alloc(4 * 1024 * 1024))
  const bomb = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) yield zeros
  }
  const free = 16 * 1024 * 1024
  const { body, isCompressed } = await plainArchive(bomb(), codec, { free })
  assert.equal(isCompressed, true)
  let out = 0
  const reading = (async () => {
    for await (const chunk of body) out += chunk.length
  })()
  await expectCode(reading, 'ARCHIVE_INVALID')
  assert.ok(out > free - 1024 * 1024 && out <= free, String(out))
})

test('more entries than any image has are refused', async () => {
  const header = (await tar(file('layer/VERSION', ''))).subarray(0, 512)
  const archive = Buffer.alloc(100_002 * 512)
  for (let at = 0; at < archive.length; at += 512) archive.set(header, at)
  await expectCode(ways['in its place']!(archive), 'ARCHIVE_INVALID')
})

test('an archive with any byte changed is refused, or is the same image', async () => {
  const plain = await readAll(
    saveArchive([{ name: '1', descriptor: image.descriptor }], { source: image.source, kind: 'oci' }),
  )
  await fc.assert(
    fc.asyncProperty(fc.nat(plain.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const changed = Buffer.from(plain)
      changed[at]! ^= flip
      for (const take of [openArchive(randomAccess(changed), { codec })]) {
        const opened = await take.catch(hasCode)
        const entry = opened?.entries.find(({ descriptor }) => descriptor.digest === image.descriptor.digest)
        if (opened === undefined || entry === undefined) continue
        await copy(opened, new MemoryStore(codec), entry.descriptor).catch(hasCode)
      }
      await ways['as a stream']!(changed).catch(hasCode)
    }),
    { numRuns: 60 },
  )
})

function hasCode(error: unknown): undefined {
  assert.ok(error instanceof Error && typeof Reflect.get(error, 'code') === 'string', String(error))
}
