import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseDescriptor } from './descriptor.ts'
import { OciError } from './errors.ts'
import { encodeJson } from './json.ts'
import { limits } from './limits.ts'
import { parseIndex, parseManifest, parseManifestOrIndex } from './manifest.ts'
import {
  isConfigType,
  isIndexType,
  isLayerType,
  isManifestType,
  isNondistributableType,
  layerCompression,
  MediaType,
} from './media-type.ts'

const digest = `sha256:${'a'.repeat(64)}`
const config = { mediaType: MediaType.imageConfig, digest, size: 2 }
const layer = { mediaType: MediaType.layerTarGzip, digest, size: 32 }
const manifest = { schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: [layer] }
const index = {
  schemaVersion: 2,
  mediaType: MediaType.imageIndex,
  manifests: [{ ...config, mediaType: MediaType.imageManifest }],
}

test('descriptors are checked member by member', async (context) => {
  const rows: readonly [rule: string, change: Readonly<Record<string, unknown>>, good: boolean][] = [
    ['the required members', {}, true],
    [
      'all members',
      {
        urls: ['https://example.com'],
        annotations: { a: 'b' },
        data: 'e30=',
        artifactType: 'a/b',
        platform: { os: 'linux', architecture: 'arm', variant: 'v7', 'os.version': '1', 'os.features': ['a'] },
      },
      true,
    ],
    ['null is as absent', { urls: null, annotations: null, platform: null }, true],
    ['a size of 0', { size: 0 }, true],
    ['the largest size', { size: Number.MAX_SAFE_INTEGER }, true],
    ['a media type with a parameter', { mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.3' }, true],
    ['an algorithm nobody computes', { digest: `blake3:${'a'.repeat(64)}` }, false],
    ['a digest in upper case', { digest: digest.toUpperCase() }, false],
    ['no digest', { digest: undefined }, false],
    ['a size below 0', { size: -1 }, false],
    ['a size with a fraction', { size: 1.5 }, false],
    ['a size that is not exact', { size: 2 ** 53 }, false],
    ['a size that is a text', { size: '2' }, false],
    ['no size', { size: undefined }, false],
    ['no media type', { mediaType: undefined }, false],
    ['an empty media type', { mediaType: '' }, false],
    ['a media type without a slash', { mediaType: 'json' }, false],
    ['a media type with a newline', { mediaType: 'a/b\nX-Evil: 1' }, false],
    ['annotations that are not texts', { annotations: { a: 1 } }, false],
    ['annotations that are a list', { annotations: ['a'] }, false],
    ['URLs that are not texts', { urls: [1] }, false],
    ['data of another length', { data: 'e30Kaaaa' }, false],
    ['data that is not base64', { data: 'e3!=' }, false],
    ['a platform without an architecture', { platform: { os: 'linux' } }, false],
    ['a platform that is a text', { platform: 'linux/amd64' }, false],
  ]
  for (const [rule, change, good] of rows) {
    await context.test(rule, () => {
      const value: unknown = JSON.parse(JSON.stringify({ ...config, ...change }))
      if (good) assert.equal(parseDescriptor(value).digest, digest)
      else assert.throws(() => parseDescriptor(value), { code: 'DESCRIPTOR_INVALID' })
    })
  }
  for (const value of [undefined, null, 'text', 1, [], true]) {
    assert.throws(() => parseDescriptor(value), { code: 'DESCRIPTOR_INVALID' })
  }
})

test('manifests are checked member by member', async (context) => {
  const rows: readonly [rule: string, change: Readonly<Record<string, unknown>>, good: boolean][] = [
    ['an OCI manifest', {}, true],
    ['a Docker manifest', { mediaType: MediaType.dockerManifest }, true],
    ['no media type', { mediaType: undefined }, true],
    ['no layers', { layers: [] }, true],
    ['layers of null, as Go writes none', { layers: null }, true],
    [
      'an artifact with a subject',
      { artifactType: 'application/vnd.example', subject: config, annotations: { a: 'b' } },
      true,
    ],
    ['an empty artifact type, as Go writes none', { artifactType: '' }, true],
    ['schema 1', { schemaVersion: 1 }, false],
    ['a schema version that is a text', { schemaVersion: '2' }, false],
    ['no schema version', { schemaVersion: undefined }, false],
    ['no layers at all', { layers: undefined }, false],
    ['layers that are an object', { layers: {} }, false],
    ['no config', { config: undefined }, false],
    ['a layer that is no descriptor', { layers: [layer, {}] }, false],
    ['the media type of an index', { mediaType: MediaType.imageIndex }, false],
    ['manifests as well: two readings of one document', { manifests: [] }, false],
    ['a subject that is no descriptor', { subject: 'sha256' }, false],
    ['too many layers', { layers: Array.from({ length: limits.listItems + 1 }, () => 0) }, false],
    [
      'too many annotations',
      { annotations: Object.fromEntries(Array.from({ length: limits.mapEntries + 1 }, (_, at) => [at, ''])) },
      false,
    ],
  ]
  for (const [rule, change, good] of rows) {
    await context.test(rule, () => {
      const bytes = encodeJson({ ...manifest, ...change })
      if (good) assert.equal(parseManifest(bytes).config.digest, digest)
      else assert.throws(() => parseManifest(bytes), { name: 'OciError', code: 'MANIFEST_INVALID' })
    })
  }
})

test('indexes are checked member by member', async (context) => {
  const rows: readonly [rule: string, change: Readonly<Record<string, unknown>>, good: boolean][] = [
    ['an OCI index', {}, true],
    ['a Docker manifest list', { mediaType: MediaType.dockerManifestList }, true],
    ['no media type', { mediaType: undefined }, true],
    ['no manifests in it', { manifests: [] }, true],
    ['an index in an index', { manifests: [{ ...config, mediaType: MediaType.imageIndex }] }, true],
    ['no manifests at all', { manifests: undefined }, false],
    ['layers as well: two readings of one document', { layers: [] }, false],
    ['a config as well', { config }, false],
    ['the media type of a manifest', { mediaType: MediaType.imageManifest }, false],
  ]
  for (const [rule, change, good] of rows) {
    await context.test(rule, () => {
      const bytes = encodeJson({ ...index, ...change })
      if (good) assert.equal(parseIndex(bytes).schemaVersion, 2)
      else assert.throws(() => parseIndex(bytes), { code: 'MANIFEST_INVALID' })
    })
  }
})

test('a manifest or an index is told by the media type it came with, then by the one inside, then by its members', () => {
  const bare = (value: object): Uint8Array => encodeJson({ ...value, mediaType: undefined })
  assert.equal(parseManifestOrIndex(encodeJson(manifest)).kind, 'manifest')
  assert.equal(parseManifestOrIndex(encodeJson(index)).kind, 'index')
  assert.equal(parseManifestOrIndex(bare(manifest)).kind, 'manifest')
  assert.equal(parseManifestOrIndex(bare(index)).kind, 'index')
  assert.equal(parseManifestOrIndex(bare(index), MediaType.imageIndex).kind, 'index')
  assert.throws(() => parseManifestOrIndex(bare(index), MediaType.imageManifest), { code: 'MANIFEST_INVALID' })
  assert.throws(() => parseManifestOrIndex(encodeJson(manifest), MediaType.imageIndex), { code: 'MANIFEST_INVALID' })
  assert.throws(() => parseManifestOrIndex(encodeJson(manifest), MediaType.dockerManifest), {
    code: 'MANIFEST_INVALID',
  })
})

test('members nobody knows stay', () => {
  const parsed = parseManifest(encodeJson({ ...manifest, more: { a: [1] }, layers: [{ ...layer, extra: true }] }))
  assert.deepEqual((parsed as { more?: unknown }).more, { a: [1] })
  assert.deepEqual((parsed.layers[0] as { extra?: unknown }).extra, true)
})

test('a message names the place and the rule', () => {
  const bytes = encodeJson({ ...manifest, layers: [layer, { ...layer, size: -1 }] })
  assert.throws(() => parseManifest(bytes), /layers\[1\]\.size is -1, expected a whole number of bytes/)
})

test('hostile documents are refused before they cost much', async (context) => {
  const rows: readonly [rule: string, bytes: Uint8Array][] = [
    ['larger than 4 MiB', Buffer.concat([encodeJson(manifest), Buffer.alloc(limits.documentBytes, ' ')])],
    ['nested too deep', Buffer.from('['.repeat(limits.documentBytes))],
    ['just too deep', Buffer.from(`${'['.repeat(65)}${']'.repeat(65)}`)],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), encodeJson(manifest)])],
    ['two documents', Buffer.concat([encodeJson(manifest), encodeJson(manifest)])],
    ['nothing', new Uint8Array()],
    ['a text', encodeJson('manifest')],
    ['null', encodeJson(null)],
    ['a list', encodeJson([manifest])],
  ]
  for (const [rule, bytes] of rows) {
    await context.test(rule, () => {
      assert.throws(() => parseManifest(bytes), { code: 'MANIFEST_INVALID' })
      assert.throws(() => parseIndex(bytes), { code: 'MANIFEST_INVALID' })
    })
  }
  await context.test('but brackets in a text do not nest', () => {
    const annotations = { a: `"${'['.repeat(1000)}\\` }
    assert.deepEqual(parseManifest(encodeJson({ ...manifest, annotations })).annotations, annotations)
  })
  await context.test('and "__proto__" is a name like any other', () => {
    const text = JSON.stringify(manifest).replace('{', '{"annotations":{"__proto__":"a"},')
    const parsed = parseManifest(Buffer.from(text))
    assert.deepEqual(Object.keys(parsed.annotations ?? {}), ['__proto__'])
    assert.equal(Object.getPrototypeOf(parsed.annotations), Object.prototype)
  })
})

test('any JSON is read or refused with an OciError', () => {
  const parts = fc.constantFrom<unknown>(2, digest, config, layer, [layer], MediaType.imageManifest, null, {}, [], -1)
  const documents = fc.oneof(
    fc.json().map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 200 }),
    fc
      .dictionary(fc.constantFrom('schemaVersion', 'mediaType', 'config', 'layers', 'manifests', 'subject'), parts)
      .map((change) => encodeJson({ ...manifest, ...change })),
  )
  const property = fc.property(documents, (bytes) => {
    for (const parse of [parseManifest, parseIndex, parseManifestOrIndex]) {
      try {
        parse(bytes)
      } catch (error) {
        assert.ok(error instanceof OciError, String(error))
      }
    }
  })
  fc.assert(property, { numRuns: 1000 })
})

test('media types are told apart', () => {
  assert.ok([MediaType.imageManifest, MediaType.dockerManifest].every(isManifestType))
  assert.ok([MediaType.imageIndex, MediaType.dockerManifestList].every(isIndexType))
  assert.ok([MediaType.imageConfig, MediaType.dockerConfig].every(isConfigType))
  assert.ok(isLayerType(MediaType.layerTarZstd) && isLayerType(MediaType.dockerLayerGzip))
  for (const is of [isManifestType, isIndexType, isConfigType, isLayerType, isNondistributableType]) {
    for (const other of [MediaType.emptyJson, '', 'constructor', 'application/json']) assert.ok(!is(other), other)
  }
  assert.ok(isNondistributableType(MediaType.dockerForeignLayerGzip))
  assert.ok(isNondistributableType(MediaType.nondistributableTar))
  assert.equal(layerCompression(MediaType.layerTar), 'none')
  assert.equal(layerCompression(MediaType.dockerLayerGzip), 'gzip')
  assert.equal(layerCompression(MediaType.layerTarZstd), 'zstd')
  assert.equal(layerCompression('constructor'), 'none')
})
