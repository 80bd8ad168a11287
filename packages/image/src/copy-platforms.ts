import {
  encodeJson,
  formatPlatform,
  isConfigType,
  isIndexType,
  matchesPlatform,
  parseImageConfig,
  parseIndex,
  type Descriptor,
  type Digest,
  type Index,
  type Platform,
} from '@gantry/oci'
import type { BlobSource } from './blob.ts'
import { describeBytes } from './bytes.ts'
import { childrenOf } from './children.ts'
import type { Codec } from './codec.ts'
import { ImageError } from './errors.ts'
import { openImage } from './open-image.ts'
import { overlaySource } from './overlay-source.ts'
import { readDocument } from './read-document.ts'

/** Content and where it is. */
export interface SourceView {
  readonly source: BlobSource
  readonly descriptor: Descriptor
}

/** How platforms are chosen. */
export interface SelectPlatformsOptions {
  readonly codec: Codec
  readonly signal?: AbortSignal
}

/** BuildKit's annotation of an attestation manifest: which manifest of the same index it is about. */
export const attestedAnnotation = 'vnd.docker.reference.digest'

/**
 * The part of an image that is for these platforms: with one platform its own manifest, with several an index of just those
 * manifests and their attestations, in the order and with the annotations of the index given. When that is all of the index,
 * it is the index itself, and its digest stays.
 *
 * @throws {ImageError} PLATFORM_UNKNOWN: one of them is not there
 */
export async function selectPlatforms(
  { source, descriptor }: SourceView,
  platforms: readonly Platform[],
  options: SelectPlatformsOptions,
): Promise<SourceView> {
  if (platforms.length === 0) return { source, descriptor }
  const chosen: Descriptor[] = []
  for (const platform of platforms) {
    const image = await openImage(source, descriptor, { ...options, platform })
    if (!isIndexType(descriptor.mediaType)) await checkPlatform(source, image.configDescriptor, platform, options)
    if (platforms.length === 1) return { source, descriptor: image.descriptor }
    chosen.push(image.descriptor)
  }
  // Several platforms, and the one image runs on all of them.
  if (!isIndexType(descriptor.mediaType)) return { source, descriptor }
  const index = parseIndex(await readDocument(source, descriptor, options))
  return replaceManifests({ source, descriptor }, index, withAttestations(index, chosen), options)
}

/**
 * An index of only those manifests that the source has; the index itself when it has all of them. Registries refuse an index
 * with manifests that they do not have.
 *
 * @throws {ImageError} PLATFORM_UNKNOWN: it has none of them
 */
export async function withoutAbsent(view: SourceView, options: SelectPlatformsOptions): Promise<SourceView> {
  const { source, descriptor } = view
  if (!isIndexType(descriptor.mediaType)) return view
  const bytes = await readDocument(source, descriptor, options)
  const index = parseIndex(bytes)
  const { signal } = options
  const there = await childrenOf(
    source,
    { bytes, mediaType: descriptor.mediaType },
    { sparse: true, ...(signal === undefined ? {} : { signal }) },
  )
  if (there.length === 0 && index.manifests.length > 0) {
    throw new ImageError('PLATFORM_UNKNOWN', `Cannot copy ${descriptor.digest}: none of its platforms is here`)
  }
  return replaceManifests(view, index, there, options)
}

async function replaceManifests(
  { source, descriptor }: SourceView,
  index: Index,
  manifests: readonly Descriptor[],
  { codec }: SelectPlatformsOptions,
): Promise<SourceView> {
  if (manifests.length === index.manifests.length) return { source, descriptor }
  const bytes = encodeJson({ ...index, manifests })
  const filtered = await describeBytes(bytes, descriptor.mediaType, codec)
  return { source: overlaySource(source, new Map([[filtered.digest, bytes]])), descriptor: filtered }
}

function withAttestations(index: Index, chosen: readonly Descriptor[]): readonly Descriptor[] {
  const kept = new Set<Digest | string>(chosen.map(({ digest }) => digest))
  const listed = new Set<Digest>(index.manifests.map(({ digest }) => digest))
  const isKept = ({ digest, annotations }: Descriptor): boolean =>
    kept.has(digest) || kept.has(annotations?.[attestedAnnotation] ?? '')
  // One out of an index in the index is listed at the end.
  const nested = chosen.filter(({ digest }, at) => {
    return !listed.has(digest) && chosen.findIndex((each) => each.digest === digest) === at
  })
  return [...index.manifests.filter(isKept), ...nested]
}

async function checkPlatform(
  source: BlobSource,
  config: Descriptor,
  platform: Platform,
  options: SelectPlatformsOptions,
): Promise<void> {
  if (!isConfigType(config.mediaType)) return
  const have = parseImageConfig(await readDocument(source, config, options))
  if (matchesPlatform(platform, have)) return
  throw new ImageError(
    'PLATFORM_UNKNOWN',
    `Cannot find ${formatPlatform(platform)}: the image is for ${formatPlatform(have)} only`,
  )
}
