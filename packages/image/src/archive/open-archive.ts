import type { Descriptor, Digest } from '@gantry/oci'
import type { BlobReader, BlobSink, BlobSource, OpenOptions, PutOptions } from '../blob.ts'
import { abortable } from '../abortable.ts'
import { collect, resolveRange } from '../bytes.ts'
import type { Codec } from '../codec.ts'
import { ImageError } from '../errors.ts'
import { MemoryStore } from '../memory-store.ts'
import type { ReferrerLister, TagResolver } from '../tags.ts'
import { hashed, verified } from '../verified.ts'
import { archiveFailure } from './archive-failure.ts'
import { digestOfPath } from './archive-paths.ts'
import { fileAt, type ArchiveFiles } from './archive-files.ts'
import { findLayoutEntry, type LayoutEntry } from './layout-names.ts'
import { layoutReferrers } from './layout-referrers.ts'
import { listImages } from './list-images.ts'
import type { RandomAccess } from './random-access.ts'
import { scanArchive, type FilePlace, type ScannedArchive } from './scan-archive.ts'

/** How an archive is opened. */
export interface OpenArchiveOptions {
  readonly codec: Codec
  readonly signal?: AbortSignal
}

/** An archive of images as a source: blobs are read from where they are in the file. */
export interface ImageArchive extends BlobSource, TagResolver, ReferrerLister {
  /** What it holds, under its names; an image with several names is there several times. */
  readonly entries: readonly LayoutEntry[]
  /** A digest, or a name as `findLayoutEntry` reads it. */
  resolve(reference: string): Promise<Descriptor | undefined>
}

/**
 * Opens an archive that is not compressed: the tar of an OCI image layout, or an archive of `docker save`, of any age. Only
 * headers and small documents are read now. An old archive of Docker has no image manifests, so they are made here; the
 * configs, and with them the image IDs, stay. Blobs are verified when they are read, as of any source.
 *
 * @throws {ImageError} ARCHIVE_INVALID
 */
export async function openArchive(file: RandomAccess, options: OpenArchiveOptions): Promise<ImageArchive> {
  const { codec, signal } = options
  try {
    const scanned = await scanArchive(file, signal)
    const blobs = new ArchiveBlobs(file, scanned, codec)
    const files: ArchiveFiles = {
      documents: scanned.documents,
      head: (path, count) => blobs.head(path, count, signal),
      describe: (path, expected) => blobs.describe(path, expected, signal),
    }
    const entries = await listImages(files, { blobs, codec, ...(signal === undefined ? {} : { signal }) })
    return {
      entries,
      open: (descriptor, open) => blobs.open(descriptor, open),
      referrers: (digest, artifactType) => layoutReferrers({ entries, source: blobs }, digest, artifactType),
      resolve: async (reference) => findLayoutEntry(entries, reference)?.descriptor,
    }
  } catch (error) {
    throw archiveFailure(error)
  }
}

/** The blobs in an archive, and the documents made for it. */
class ArchiveBlobs implements BlobSource, Pick<BlobSink, 'put'> {
  readonly #file: RandomAccess
  readonly #scanned: ScannedArchive
  readonly #codec: Codec
  readonly #made: MemoryStore
  readonly #described = new Map<FilePlace, Promise<Descriptor>>()
  readonly #places = new Map<Digest, FilePlace>()

  constructor(file: RandomAccess, scanned: ScannedArchive, codec: Codec) {
    this.#made = new MemoryStore(codec)
    this.#file = file
    this.#scanned = scanned
    this.#codec = codec
    for (const [path, place] of scanned.files) {
      const digest = digestOfPath(path)
      if (digest !== undefined) this.#places.set(digest, place)
    }
  }

  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<BlobReader> {
    const place = this.#places.get(descriptor.digest)
    if (place !== undefined) return this.#read(place, descriptor, options)
    if (await this.#made.has(descriptor)) return this.#made.open(descriptor, options)
    throw new ImageError('BLOB_UNKNOWN', `Cannot open ${descriptor.digest}: it is not in the archive`)
  }

  put(descriptor: Descriptor, body: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<void> {
    return this.#made.put(descriptor, body, options)
  }

  async head(path: string, count: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { start, size } = fileAt(this.#scanned, path)
    return (await collect(this.#file.read(start, start + Math.min(count, size), signal), count)) ?? new Uint8Array()
  }

  describe(path: string, expected: Digest | undefined, signal: AbortSignal | undefined): Promise<Descriptor> {
    const place = fileAt(this.#scanned, path)
    const known = this.#described.get(place)
    if (known !== undefined) return known
    const described = this.#describe(path, place, expected, signal)
    this.#described.set(place, described)
    return described
  }

  async #describe(
    path: string,
    place: FilePlace,
    expected: Digest | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Descriptor> {
    const digest = digestOfPath(path) ?? expected ?? (await this.#hash(place, signal))
    this.#places.set(digest, place)
    return { mediaType: 'application/octet-stream', digest, size: place.size }
  }

  async #hash({ start, size }: FilePlace, signal: AbortSignal | undefined): Promise<Digest> {
    const hashing = hashed(this.#file.read(start, start + size, signal), this.#codec.hasher('sha256'))
    for (;;) {
      const next = await hashing.next()
      if (next.done === true) return next.value
    }
  }

  #read(place: FilePlace, descriptor: Descriptor, options: OpenOptions): BlobReader {
    const { signal } = options
    const { start, end } = resolveRange(place.size, options.range)
    const raw = abortable(this.#file.read(place.start + start, place.start + end, signal), signal)
    const isChecked = start === 0 && end === place.size && options.verify !== false
    const body = isChecked ? verified(raw, descriptor, this.#codec) : raw
    return {
      size: end - start,
      [Symbol.asyncIterator]: () => body[Symbol.asyncIterator](),
      [Symbol.asyncDispose]: async () => undefined,
    }
  }
}
