import { readAnnotations, readDescriptor, readMediaType, type Descriptor } from './descriptor.ts'
import { Input, withKnown } from './input.ts'
import { parseJson } from './json.ts'
import { isIndexType, isManifestType } from './media-type.ts'

/**
 * One image, or one artifact: a configuration and layers.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
 */
export interface Manifest {
  readonly schemaVersion: 2
  readonly mediaType?: string
  readonly artifactType?: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/**
 * Several manifests, usually one per platform: OCI's image index or Docker's manifest list.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md
 */
export interface Index {
  readonly schemaVersion: 2
  readonly mediaType?: string
  readonly artifactType?: string
  readonly manifests: readonly Descriptor[]
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/** What a descriptor of a manifest or index media type leads to. */
export type ManifestOrIndex =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly index: Index }

const what = 'manifest'
const code = 'MANIFEST_INVALID'

/**
 * Reads an image manifest of at most 4 MiB, OCI's or Docker's schema 2. Members it does not know stay.
 *
 * @throws {OciError} MANIFEST_INVALID
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  return readManifest(open(bytes))
}

/**
 * Reads an image index or manifest list of at most 4 MiB. Members it does not know stay.
 *
 * @throws {OciError} MANIFEST_INVALID
 */
export function parseIndex(bytes: Uint8Array): Index {
  return readIndex(open(bytes))
}

/**
 * Reads either. The media type that the content came with decides when given; it must then be the one inside.
 * Otherwise what is inside decides.
 *
 * @throws {OciError} MANIFEST_INVALID
 */
export function parseManifestOrIndex(bytes: Uint8Array, mediaType?: string): ManifestOrIndex {
  const input = open(bytes)
  const inside = input.get('mediaType')
  if (mediaType !== undefined && inside !== undefined && inside.string() !== mediaType) {
    return inside.fail(`"${mediaType}", the media type it came with`)
  }
  const type = mediaType ?? inside?.string()
  if (type === undefined ? input.has('manifests') : isIndexType(type)) {
    return { kind: 'index', index: readIndex(input) }
  }
  return { kind: 'manifest', manifest: readManifest(input) }
}

function open(bytes: Uint8Array): Input {
  const input = new Input({ what, code }, parseJson(bytes, { what, code }))
  if (input.need('schemaVersion').value !== 2) input.need('schemaVersion').fail('2')
  return input
}

function readManifest(input: Input): Manifest {
  const mediaType = input.get('mediaType')
  if (mediaType !== undefined && !isManifestType(mediaType.string())) mediaType.fail('the media type of a manifest')
  // One document read as two kinds by two programs is an attack: CVE-2021-41190.
  input.get('manifests')?.fail('nothing, as a manifest has layers')
  return withKnown<Manifest>(input, {
    schemaVersion: 2,
    mediaType: mediaType?.string(),
    artifactType: optionalMediaType(input.get('artifactType')),
    config: readDescriptor(input.need('config')),
    layers: readDescriptors(input, 'layers'),
    subject: optionalDescriptor(input.get('subject')),
    annotations: readAnnotations(input),
  })
}

function readIndex(input: Input): Index {
  const mediaType = input.get('mediaType')
  if (mediaType !== undefined && !isIndexType(mediaType.string())) mediaType.fail('the media type of an index')
  input.get('layers')?.fail('nothing, as an index has manifests')
  input.get('config')?.fail('nothing, as an index has manifests')
  return withKnown<Index>(input, {
    schemaVersion: 2,
    mediaType: mediaType?.string(),
    artifactType: optionalMediaType(input.get('artifactType')),
    manifests: readDescriptors(input, 'manifests'),
    subject: optionalDescriptor(input.get('subject')),
    annotations: readAnnotations(input),
  })
}

function optionalMediaType(input: Input | undefined): string | undefined {
  return input === undefined || input.value === '' ? undefined : readMediaType(input)
}

function optionalDescriptor(input: Input | undefined): Descriptor | undefined {
  return input === undefined ? undefined : readDescriptor(input)
}

// Required by the specification; null is what Go writes for an empty list.
function readDescriptors(input: Input, key: string): readonly Descriptor[] {
  if (input.object()[key] === null) return []
  return input.need(key).list().map(readDescriptor)
}
