import type { Descriptor } from '@gantry/oci'
import type { DrawingSink, FillingSource, PartialSink } from './partial.ts'

/** Bytes `start` to before `end` of a blob; to the last one when `end` is absent. */
export interface ByteRange {
  readonly start: number
  readonly end?: number
}

/** How a blob is opened. */
export interface OpenOptions {
  /** Only this part. It must begin within the blob (or at its end) and is cut at the blob's end. */
  readonly range?: ByteRange
  /** False when the reader verifies the bytes itself, so that the source need not hash them too. True by default. */
  readonly verify?: boolean
  readonly signal?: AbortSignal
}

/**
 * An open blob. Read it once, in chunks of any size (64 KiB or more where it matters), which the reader may keep: nobody
 * writes to them again. Whoever opened it disposes of it; reading to the end or breaking off closes it as well.
 */
export interface BlobReader extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /** How many bytes will be read: the blob's size, or the length of the range. */
  readonly size: number
  /**
   * Opens the blob anew, or a part of it, elsewhere than where these bytes come from: for who finds that they are wrong. Absent: there
   * is nowhere else.
   */
  readonly again?: (options?: OpenOptions) => Promise<BlobReader>
}

/** Something blobs are read from: a registry, a store, an archive, a mutated image. */
export interface BlobSource extends Partial<FillingSource> {
  /**
   * Opens a blob for reading. When the whole blob is read, the stream fails with DIGEST_MISMATCH or SIZE_MISMATCH at its
   * end if the bytes are not the descriptor's.
   *
   * @throws {ImageError} BLOB_UNKNOWN, RANGE_INVALID
   */
  open(descriptor: Descriptor, options?: OpenOptions): Promise<BlobReader>

  /** For a view over other sources: the one that has the blob itself, so that a sink that knows it can mount from it. */
  behind?(descriptor: Descriptor): BlobSource | undefined
}

/** How a blob is put. */
export interface PutOptions {
  readonly signal?: AbortSignal
}

/** Something blobs are written to. */
export interface BlobSink extends Partial<DrawingSink>, Partial<PartialSink> {
  /**
   * Writes a blob. Atomic: it is there as a whole and verified, or not at all. Idempotent: where it exists already, the
   * body need not be read. Several puts of one blob at once all succeed.
   *
   * @throws {ImageError} DIGEST_MISMATCH, SIZE_MISMATCH: the body is not the descriptor's
   */
  put(descriptor: Descriptor, body: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<void>

  /** Whether the blob is there. A sink that cannot tell cheaply does not have this method. */
  has?(descriptor: Descriptor, options?: PutOptions): Promise<boolean>

  /**
   * Takes the blob from another source without moving its bytes through here, where the two can do that.
   * False says that nothing happened and `put` is the way.
   */
  mount?(descriptor: Descriptor, from: BlobSource, options?: PutOptions): Promise<boolean>
}

/** Takes content whose digest is not known beforehand. */
export interface BlobIngester {
  /** Writes a blob and hashes it (sha256) on the way; atomic. */
  ingest(
    body: AsyncIterable<Uint8Array>,
    options: { readonly mediaType: string; readonly signal?: AbortSignal },
  ): Promise<Descriptor>
}
