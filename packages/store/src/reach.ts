import { ImageError, readDocument } from '@gantry/image'
import type { BlobSource } from '@gantry/image'
import { isIndexType, isManifestType, limits, MediaType, OciError, parseManifestOrIndex } from '@gantry/oci'
import type { Descriptor, Digest, ManifestOrIndex } from '@gantry/oci'

/** Blobs of which it is known without asking whether they are there. */
export interface SizedBlobs extends BlobSource {
  /** The size of a blob, or `undefined` when it is not there. */
  size(digest: Digest): number | undefined
}

/**
 * The media type of a blob of which only the digest is known: that of the manifest or index it contains, or
 * `application/octet-stream`. `undefined` when it is not there.
 */
export async function describeBlob(blobs: SizedBlobs, digest: Digest): Promise<Descriptor | undefined> {
  const size = blobs.size(digest)
  if (size === undefined) return undefined
  const plain: Descriptor = { mediaType: 'application/octet-stream', digest, size }
  if (size > limits.documentBytes || !(await startsAsObject(blobs, plain))) return plain
  try {
    const bytes = await readDocument(blobs, plain)
    const found = parseManifestOrIndex(bytes)
    const declared = found.kind === 'manifest' ? found.manifest.mediaType : found.index.mediaType
    const implied = found.kind === 'manifest' ? MediaType.imageManifest : MediaType.imageIndex
    return { ...plain, mediaType: declared ?? implied }
  } catch (error) {
    if (error instanceof OciError) return plain
    // Somebody has just collected it.
    if (error instanceof ImageError && error.code === 'BLOB_UNKNOWN') return undefined
    throw error
  }
}

/**
 * Everything that the content leads to and that is here, itself included: configs, layers, manifests of an index, subjects.
 * Adds to `seen` and does not follow what is in it.
 */
export async function addReachable(
  blobs: SizedBlobs,
  start: Descriptor | Digest,
  seen: Set<Digest>,
  signal?: AbortSignal,
): Promise<void> {
  const waiting: (Descriptor | Digest)[] = [start]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    signal?.throwIfAborted()
    const digest = typeof next === 'string' ? next : next.digest
    if (seen.has(digest)) continue
    seen.add(digest)
    const descriptor = typeof next === 'string' ? await describeBlob(blobs, next) : next
    if (descriptor !== undefined) waiting.push(...(await childrenOf(blobs, descriptor)))
  }
}

/** What a manifest or index points at; nothing for other blobs, for what is missing, and for what is no manifest after all. */
export async function childrenOf(blobs: SizedBlobs, descriptor: Descriptor): Promise<readonly Descriptor[]> {
  const { mediaType } = descriptor
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) return []
  try {
    return childrenIn(parseManifestOrIndex(await readDocument(blobs, descriptor), mediaType))
  } catch (error) {
    if (error instanceof OciError || (error instanceof ImageError && error.code === 'BLOB_UNKNOWN')) return []
    throw error
  }
}

/** What a manifest or index points at, its subject too. */
export function childrenIn(content: ManifestOrIndex): readonly Descriptor[] {
  const { subject } = content.kind === 'manifest' ? content.manifest : content.index
  const children =
    content.kind === 'manifest' ? [content.manifest.config, ...content.manifest.layers] : content.index.manifests
  return subject === undefined ? children : [...children, subject]
}

async function startsAsObject(blobs: SizedBlobs, descriptor: Descriptor): Promise<boolean> {
  if (descriptor.size === 0) return false
  try {
    await using reader = await blobs.open(descriptor, { range: { start: 0, end: 1 } })
    for await (const chunk of reader) return chunk[0] === 0x7b
  } catch (error) {
    if (!(error instanceof ImageError)) throw error
  }
  return false
}
