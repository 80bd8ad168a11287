import { isDigest, isIndexType, isManifestType, parseManifestOrIndex, type Descriptor, type Digest } from '@gantry/oci'
import { abortable } from './abortable.ts'
import type { BlobIngester, BlobReader, BlobSink, BlobSource, OpenOptions, PutOptions } from './blob.ts'
import { collect, describeBytes, readerOf, resolveRange } from './bytes.ts'
import type { Hashing } from './codec.ts'
import { ImageError } from './errors.ts'
import { referrerOf } from './referrer.ts'
import type { ReferrerLister, TagResolver, TagWriter } from './tags.ts'
import { verified } from './verified.ts'

interface Blob {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

/** Blobs and names in memory, for tests and for small things on the way. What is in it has been verified. */
export class MemoryStore implements BlobSource, BlobSink, BlobIngester, TagResolver, TagWriter, ReferrerLister {
  readonly #codec: Hashing
  readonly #blobs = new Map<Digest, Blob>()
  readonly #names = new Map<string, Descriptor>()

  constructor(codec: Hashing) {
    this.#codec = codec
  }

  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<BlobReader> {
    options.signal?.throwIfAborted()
    const blob = this.#blobs.get(descriptor.digest)
    if (blob === undefined) {
      throw new ImageError('BLOB_UNKNOWN', `Cannot open ${descriptor.digest}: it is not in the memory store`)
    }
    const { start, end } = resolveRange(blob.bytes.length, options.range)
    return readerOf(blob.bytes.subarray(start, end), options.signal)
  }

  async put(descriptor: Descriptor, body: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    if (await this.has(descriptor)) return
    const bytes = await collect(verified(abortable(body, options.signal), descriptor, this.#codec), descriptor.size)
    if (bytes !== undefined) this.#blobs.set(descriptor.digest, { descriptor: pointer(descriptor), bytes })
  }

  async has(descriptor: Descriptor): Promise<boolean> {
    return this.#blobs.get(descriptor.digest)?.bytes.length === descriptor.size
  }

  async ingest(
    body: AsyncIterable<Uint8Array>,
    options: { readonly mediaType: string; readonly signal?: AbortSignal },
  ): Promise<Descriptor> {
    const bytes = await collect(abortable(body, options.signal), Number.MAX_SAFE_INTEGER)
    const descriptor = await describeBytes(bytes ?? new Uint8Array(), options.mediaType, this.#codec)
    await this.put(descriptor, readerOf(bytes ?? new Uint8Array()), options)
    return descriptor
  }

  /** Takes a name as it was given to `tag`, or the digest of a blob. */
  async resolve(reference: string): Promise<Descriptor | undefined> {
    return isDigest(reference) ? this.#blobs.get(reference)?.descriptor : this.#names.get(reference)
  }

  async tag(reference: string, descriptor: Descriptor): Promise<void> {
    if (!this.#blobs.has(descriptor.digest)) {
      throw new ImageError(
        'MANIFEST_UNKNOWN',
        `Cannot tag ${reference}: ${descriptor.digest} is not in the memory store`,
      )
    }
    this.#names.set(reference, descriptor)
  }

  /** Takes a name away; false when there was none. */
  untag(reference: string): boolean {
    return this.#names.delete(reference)
  }

  /** The names, in order. */
  names(): readonly { readonly name: string; readonly descriptor: Descriptor }[] {
    return [...this.#names]
      .map(([name, descriptor]) => ({ name, descriptor }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** The blobs, in the order they came. */
  blobs(): readonly Descriptor[] {
    return [...this.#blobs.values()].map((blob) => blob.descriptor)
  }

  /** Removes a blob and the names that point at it; false when there was none. */
  delete(digest: Digest): boolean {
    for (const [name, descriptor] of this.#names) if (descriptor.digest === digest) this.#names.delete(name)
    return this.#blobs.delete(digest)
  }

  async *referrers(digest: Digest, artifactType?: string): AsyncGenerator<Descriptor> {
    for (const { descriptor, bytes } of this.#blobs.values()) {
      if (!isManifestType(descriptor.mediaType) && !isIndexType(descriptor.mediaType)) continue
      const found = referrerOf(descriptor, parseManifestOrIndex(bytes, descriptor.mediaType))
      if (found === undefined || found.subject.digest !== digest) continue
      if (artifactType === undefined || found.descriptor.artifactType === artifactType) yield found.descriptor
    }
  }
}

// Annotations and platform belong to who points, not to the blob.
function pointer({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}
