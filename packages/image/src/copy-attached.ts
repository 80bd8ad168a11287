import { encodeJson, isIndexType, MediaType, parseManifestOrIndex, type Descriptor, type Digest } from '@gantry/oci'
import type { BlobSink, BlobSource } from './blob.ts'
import { describeBytes, readerOf } from './bytes.ts'
import type { Hashing } from './codec.ts'
import { copy, type CopyOptions } from './copy.ts'
import { fallbackTag, type Attached } from './copy-referrers.ts'
import { ImageError } from './errors.ts'
import { readDocument } from './read-document.ts'
import { referrerOf } from './referrer.ts'
import type { ReferrerLister } from './tags.ts'

/** A repository that takes what belongs to an image. */
export interface AttachedSink {
  readonly blobs: BlobSink & BlobSource
  readonly referrers?: ReferrerLister | undefined
  /** What another tag of the repository stands for. */
  sibling(tag: string): Promise<Descriptor | undefined>
  /** Points another tag of the repository at content that is there. */
  tagSibling(tag: string, descriptor: Descriptor): Promise<void>
}

/** How often the index of referrers is written again when somebody else wrote it at the same time. */
const attempts = 5

/**
 * Copies what `findAttached` found, in its order, and makes it found at the other end: under its tag, or as a referrer. Where
 * the sink does not list a referrer by itself, the index under the tag `sha256-<hex>` is made or added to.
 *
 * @throws {ImageError} as `copy` does
 */
export async function copyAttached(
  source: BlobSource,
  sink: AttachedSink,
  attached: readonly Attached[],
  { codec, ...options }: CopyOptions & { readonly codec: Hashing },
): Promise<void> {
  const bySubject = new Map<Digest, Descriptor[]>()
  for (const { descriptor, subject, tag } of attached) {
    await copy(source, sink.blobs, descriptor, options)
    if (tag !== undefined) await sink.tagSibling(tag, descriptor)
    if (subject === undefined) continue
    bySubject.set(subject, [...(bySubject.get(subject) ?? []), descriptor])
  }
  for (const [subject, referrers] of bySubject) await listReferrers(sink, subject, { referrers, codec, ...options })
}

/**
 * Sees to it that a repository lists these referrers of a subject: where its referrers API does not, they are added to the
 * index under the fallback tag, as clients have to. Somebody else's change in between is seen and the index written again.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests-with-subject
 */
export async function listReferrers(
  sink: AttachedSink,
  subject: Digest,
  {
    referrers,
    codec,
    signal,
  }: { readonly referrers: readonly Descriptor[]; readonly codec: Hashing; readonly signal?: AbortSignal },
): Promise<void> {
  const options = signal === undefined ? {} : { signal }
  const missing = await unlisted(sink.referrers, subject, referrers)
  if (missing.length === 0) return
  const described = await Promise.all(missing.map((each) => describeReferrer(sink.blobs, each, options)))
  const tag = fallbackTag(subject)
  for (let attempt = 0; attempt < attempts; attempt++) {
    signal?.throwIfAborted()
    const before = await sink.sibling(tag)
    const listed = before === undefined ? [] : await readIndex(sink.blobs, before, options)
    const added = described.filter(({ digest }) => listed.every((each) => each.digest !== digest))
    if (added.length === 0) return
    const bytes = encodeJson({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [...listed, ...added] })
    const index = await describeBytes(bytes, MediaType.imageIndex, codec)
    await sink.blobs.put(index, readerOf(bytes), options)
    await sink.tagSibling(tag, index)
  }
  throw new ImageError(
    'COPY_FAILED',
    `Cannot list what refers to ${subject} under the tag "${tag}": others keep changing it`,
    {
      side: 'sink',
    },
  )
}

async function unlisted(
  lister: ReferrerLister | undefined,
  subject: Digest,
  referrers: readonly Descriptor[],
): Promise<readonly Descriptor[]> {
  const listed = new Set<Digest>()
  if (lister !== undefined) for await (const { digest } of lister.referrers(subject)) listed.add(digest)
  return referrers.filter(({ digest }) => !listed.has(digest))
}

/** As the referrers API lists it; what was found may lack the type or the annotations. */
async function describeReferrer(
  blobs: BlobSource,
  descriptor: Descriptor,
  options: { readonly signal?: AbortSignal },
): Promise<Descriptor> {
  const bytes = await readDocument(blobs, descriptor, options)
  return referrerOf(descriptor, parseManifestOrIndex(bytes, descriptor.mediaType))?.descriptor ?? descriptor
}

async function readIndex(
  blobs: BlobSource,
  descriptor: Descriptor,
  options: { readonly signal?: AbortSignal },
): Promise<readonly Descriptor[]> {
  // Under this tag nothing else belongs.
  if (!isIndexType(descriptor.mediaType)) return []
  const content = parseManifestOrIndex(await readDocument(blobs, descriptor, options), descriptor.mediaType)
  return content.kind === 'index' ? content.index.manifests : []
}
