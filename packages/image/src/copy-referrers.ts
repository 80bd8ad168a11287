import { isIndexType, parseManifestOrIndex, type Descriptor, type Digest } from '@gantry/oci'
import type { BlobSource } from './blob.ts'
import { hasChildren } from './children.ts'
import { ImageError } from './errors.ts'
import { readDocument } from './read-document.ts'
import { referrerOf } from './referrer.ts'
import type { ReferrerLister } from './tags.ts'

/** A repository as one looks for what belongs to an image in it. */
export interface AttachedSource {
  readonly blobs: BlobSource
  readonly referrers?: ReferrerLister | undefined
  /** What another tag of the repository stands for. */
  sibling(tag: string): Promise<Descriptor | undefined>
}

/** Something that belongs to an image. */
export interface Attached {
  readonly descriptor: Descriptor
  /** What it refers to by its `subject`; undefined for what is found by its tag. */
  readonly subject?: Digest
  /** The tag it is found by; undefined for referrers. */
  readonly tag?: string
}

/** How it is looked for. */
export interface FindAttachedOptions {
  /** More than these are refused; 1,000 by default. */
  readonly most?: number
  readonly signal?: AbortSignal
}

/** The tags that cosign puts signatures, attestations and SBOMs under: of the digest `sha256:<hex>`. */
const cosignSuffixes = ['sig', 'att', 'sbom'] as const

/**
 * Finds what belongs to an image, its platforms' manifests included: referrers (from the referrers API, and from the index
 * under the tag `sha256-<hex>` of registries that have none), theirs, and so on; and what cosign keeps under tags. Each is
 * found once, so that circles end; what is referred to comes before what refers to it.
 *
 * @throws {ImageError} COPY_FAILED: there are more than `most`
 */
export async function findAttached(
  source: AttachedSource,
  root: Descriptor,
  options: FindAttachedOptions = {},
): Promise<readonly Attached[]> {
  const { most = 1000, signal } = options
  const found: Attached[] = []
  const seen = new Set<Digest>()
  const waiting = await manifestsOf(source.blobs, root, signal)
  for (const { digest } of waiting) seen.add(digest)
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    signal?.throwIfAborted()
    for (const attached of await attachedTo(source, next.digest, options)) {
      const { descriptor, tag } = attached
      // The same signature may stand under a tag and be a referrer.
      if (seen.has(descriptor.digest) && tag === undefined) continue
      found.push(attached)
      if (found.length > most) {
        throw new ImageError('COPY_FAILED', `Cannot copy what refers to ${root.digest}: there are more than ${most}`, {
          side: 'source',
        })
      }
      if (!seen.has(descriptor.digest)) waiting.push(...(await manifestsOf(source.blobs, descriptor, signal)))
      seen.add(descriptor.digest)
    }
  }
  return found
}

/** What belongs to one manifest or index itself: referrers from either list, each once, and what is found by its tag. */
export async function attachedTo(
  source: AttachedSource,
  digest: Digest,
  { most = 1000, signal }: FindAttachedOptions = {},
): Promise<readonly Attached[]> {
  const { blobs, referrers } = source
  const found = new Map<Digest, Attached>()
  if (referrers !== undefined) {
    for await (const descriptor of referrers.referrers(digest)) {
      signal?.throwIfAborted()
      found.set(descriptor.digest, { descriptor, subject: digest })
      // A list may go on for ever; who asked refuses this many.
      if (found.size > most) break
    }
  }
  const tag = fallbackTag(digest)
  const index = await source.sibling(tag)
  // A registry may have got the referrers API when there were such tags already.
  for (const descriptor of index === undefined ? [] : await listed(blobs, index, digest, signal)) {
    if (!found.has(descriptor.digest)) found.set(descriptor.digest, { descriptor, subject: digest })
  }
  const tags: Attached[] = []
  for (const suffix of cosignSuffixes) {
    const descriptor = await source.sibling(`${tag}.${suffix}`)
    if (descriptor !== undefined) tags.push({ descriptor, tag: `${tag}.${suffix}` })
  }
  return [...found.values(), ...tags]
}

/** The entries of a fallback index that do refer to the digest: anybody may have written it. */
async function listed(
  blobs: BlobSource,
  index: Descriptor,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  if (!isIndexType(index.mediaType)) return []
  const options = signal === undefined ? {} : { signal }
  const content = parseManifestOrIndex(await readDocument(blobs, index, options), index.mediaType)
  const found: Descriptor[] = []
  for (const entry of content.kind === 'index' ? content.index.manifests : []) {
    if (!hasChildren(entry)) continue
    const referrer = await readDocument(blobs, entry, options).then(
      (bytes) => referrerOf(entry, parseManifestOrIndex(bytes, entry.mediaType)),
      unlessUnknown,
    )
    if (referrer?.subject.digest === digest) found.push(referrer.descriptor)
  }
  return found
}

/** The content itself, and the manifests of an index that are there. */
async function manifestsOf(
  blobs: BlobSource,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Descriptor[]> {
  if (!isIndexType(descriptor.mediaType)) return [descriptor]
  const bytes = await readDocument(blobs, descriptor, signal === undefined ? {} : { signal })
  const content = parseManifestOrIndex(bytes, descriptor.mediaType)
  return [descriptor, ...(content.kind === 'index' ? content.index.manifests.filter(hasChildren) : [])]
}

function unlessUnknown(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && /^(?:BLOB|MANIFEST)_UNKNOWN$/.test(String(error.code)))
    return undefined
  throw error
}

/**
 * The tag of the index that lists referrers where a registry has no referrers API.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
 */
export function fallbackTag(digest: Digest): string {
  const [algorithm = '', encoded = ''] = digest.split(':')
  return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`.replace(/[^A-Za-z0-9._-]/g, '-')
}
