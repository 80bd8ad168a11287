import {
  isIndexType,
  isManifestType,
  isNondistributableType,
  matchesPlatform,
  parseManifestOrIndex,
  type Descriptor,
  type Platform,
} from '@gantry/oci'
import type { BlobSource } from './blob.ts'
import { ImageError } from './errors.ts'

/** Which children of a document count. */
export interface ChildrenOptions {
  readonly signal?: AbortSignal
  /** Of an index only the manifests for this platform, and those that tell none. */
  readonly platform?: Platform
  /** Leaves out manifests of an index that the source does not have. */
  readonly sparse?: boolean
}

/** Whether a descriptor leads to a document with children, rather than to a blob. */
export function hasChildren({ mediaType }: Descriptor): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType)
}

/**
 * What a manifest or index points at: config and layers, or manifests. Layers that may not be distributed and have URLs
 * do not count: they stay where they are.
 */
export async function childrenOf(
  source: BlobSource,
  { bytes, mediaType }: { readonly bytes: Uint8Array; readonly mediaType: string },
  options: ChildrenOptions = {},
): Promise<readonly Descriptor[]> {
  const content = parseManifestOrIndex(bytes, mediaType)
  if (content.kind === 'manifest') {
    const { config, layers } = content.manifest
    return [config, ...layers.filter((layer) => !isNondistributableType(layer.mediaType) || layer.urls === undefined)]
  }
  const { platform, sparse = false, signal } = options
  const suitable = content.index.manifests.filter((each) => {
    return platform === undefined || each.platform === undefined || matchesPlatform(platform, each.platform)
  })
  if (!sparse) return suitable
  const there = await Promise.all(suitable.map((each) => isReadable(source, each, signal)))
  return suitable.filter((_, at) => there[at])
}

async function isReadable(source: BlobSource, descriptor: Descriptor, signal?: AbortSignal): Promise<boolean> {
  try {
    await using reader = await source.open(descriptor, signal === undefined ? {} : { signal })
    return reader.size === descriptor.size
  } catch (error) {
    if (isUnknown(error)) return false
    throw error
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof Error && (error as Partial<ImageError>).code === 'BLOB_UNKNOWN'
}
