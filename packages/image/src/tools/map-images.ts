import {
  isIndexType,
  isManifestType,
  matchesPlatform,
  parseIndex,
  parseManifest,
  type Descriptor,
  type Digest,
  type Platform,
} from '@gantry/oci'
import { assembleIndex } from '../assemble.ts'
import type { BlobSource } from '../blob.ts'
import type { Codec } from '../codec.ts'
import { ImageError } from '../errors.ts'
import type { Image } from '../image.ts'
import { deepestIndex, openImage } from '../open-image.ts'
import { readDocument } from '../read-document.ts'

/** Content as a view: `copy(view.source, sink, view.descriptor)` writes it. */
export interface ContentView {
  readonly descriptor: Descriptor
  readonly source: BlobSource
}

/** Which images are changed, and how. */
export interface MapImagesOptions {
  readonly codec: Codec
  /** Only the image for this platform, which is the result then. */
  readonly platform?: Platform
  /** Manifests of an index that the source does not have are left out; when one is left, it is the result. */
  readonly sparse?: boolean
  readonly signal?: AbortSignal
  readonly change: (image: Image) => Promise<Image>
}

/**
 * Changes an image, or every image of an index; of an index comes a new one with the same platforms and annotations. What stands in
 * an index beside images (attestations of the old digests, artifacts) has no place in the new one.
 *
 * @throws {ImageError} PLATFORM_UNKNOWN, MANIFEST_UNKNOWN (no image is left), and what the source and `change` throw
 */
export async function mapImages(
  source: BlobSource,
  descriptor: Descriptor,
  options: MapImagesOptions,
): Promise<ContentView> {
  const { codec, platform, signal, change } = options
  if (!isIndexType(descriptor.mediaType) || platform !== undefined) {
    const image = await openImage(source, descriptor, {
      codec,
      ...(platform === undefined ? {} : { platform }),
      ...(signal === undefined ? {} : { signal }),
    })
    const config = await image.config()
    if (platform !== undefined && !matchesPlatform(platform, config)) {
      throw new ImageError(
        'PLATFORM_UNKNOWN',
        `The image ${descriptor.digest} is for ${config.os}/${config.architecture}`,
      )
    }
    return change(image)
  }
  return mapIndex(source, descriptor, options, 0)
}

async function mapIndex(
  source: BlobSource,
  descriptor: Descriptor,
  options: MapImagesOptions,
  depth: number,
): Promise<ContentView> {
  const { codec, signal, change, sparse = false } = options
  if (depth >= deepestIndex) {
    throw new ImageError(
      'MANIFEST_UNKNOWN',
      `Cannot change ${descriptor.digest}: indexes nest deeper than ${deepestIndex}`,
    )
  }
  const abort = signal === undefined ? {} : { signal }
  const index = parseIndex(await readDocument(source, descriptor, abort))
  const manifests: Descriptor[] = []
  const views = new Map<Digest, BlobSource>()
  let left: ContentView | undefined
  let missing = 0
  for (const child of index.manifests) {
    if (sparse && !(await isThere(source, child, abort))) {
      missing++
      continue
    }
    if (!(await isImage(source, child, abort))) continue
    const view = isIndexType(child.mediaType)
      ? await mapIndex(source, child, options, depth + 1)
      : await change(await openImage(source, child, { codec, ...abort }))
    const { digest, size, mediaType } = view.descriptor
    manifests.push({
      mediaType,
      digest,
      size,
      ...(child.platform === undefined ? {} : { platform: child.platform }),
      ...(child.annotations === undefined ? {} : { annotations: child.annotations }),
    })
    views.set(digest, view.source)
    left = view
  }
  if (left === undefined) {
    throw new ImageError(
      'MANIFEST_UNKNOWN',
      `Cannot change ${descriptor.digest}: it is an index, and no image of it is there`,
    )
  }
  if (missing > 0 && manifests.length === 1) return left
  const { annotations } = index
  return assembleIndex(
    { manifests, ...(annotations === undefined ? {} : { annotations }) },
    { source: firstOf(source, views), codec },
  )
}

/** Opens a blob where it is: in the new manifests' sources, which know their own layers, or in the old one. */
function firstOf(base: BlobSource, views: ReadonlyMap<Digest, BlobSource>): BlobSource {
  const others = [...new Set(views.values())]
  return {
    open: async (descriptor, options = {}) => {
      const known = views.get(descriptor.digest)
      if (known !== undefined) return known.open(descriptor, options)
      for (const view of others) {
        try {
          return await view.open(descriptor, options)
        } catch (error) {
          if (!(error instanceof Error && Reflect.get(error, 'code') === 'BLOB_UNKNOWN')) throw error
        }
      }
      return base.open(descriptor, options)
    },
  }
}

async function isThere(
  source: BlobSource,
  descriptor: Descriptor,
  options: { signal?: AbortSignal },
): Promise<boolean> {
  try {
    await using reader = await source.open(descriptor, options)
    return reader.size === descriptor.size
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, 'code') === 'BLOB_UNKNOWN') return false
    throw error
  }
}

async function isImage(source: BlobSource, child: Descriptor, options: { signal?: AbortSignal }): Promise<boolean> {
  if (isIndexType(child.mediaType)) return true
  if (!isManifestType(child.mediaType) || child.artifactType !== undefined) return false
  if (child.annotations?.['vnd.docker.reference.type'] !== undefined || child.platform?.os === 'unknown') return false
  const manifest = parseManifest(await readDocument(source, child, options))
  return manifest.artifactType === undefined && manifest.subject === undefined
}
