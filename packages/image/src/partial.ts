import type { Descriptor } from '@gantry/oci'
import type { BlobSource } from './blob.ts'

/** Bytes `start` to before `end`. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A file that grows from its start, and that others may read meanwhile. */
export interface GrowingFile {
  /** Where the file was when it began to grow; it may be moved when it is whole. */
  readonly path: string
  /**
   * Tells how many bytes from the start are there and stay as they are: at once, and whenever there are more. `undefined` says that
   * they were wrong, and that nothing more is told. Answers with what ends the telling.
   */
  follow(listener: (bytes: number | undefined) => void): () => void
}

/**
 * A blob that is being written in any order and that outlives the process: what is there stays there, for the next one who wants
 * the blob. Disposing of it lets others go on with it.
 */
export interface PartialBlob extends AsyncDisposable {
  /** Where it can be read while it grows; nothing of that is verified before `commit`. Absent: nowhere. */
  readonly growing?: GrowingFile
  /** What is not there yet, in order; neighbours do not touch. */
  missing(): readonly Span[]
  /** Writes bytes at a position; several writes may be under way at once. What is there already may be written again. */
  write(position: number, chunks: readonly Uint8Array[]): Promise<void>
  /**
   * Makes it a blob, verified and atomic. The digest was computed as the bytes came, as far as they came in order.
   *
   * @throws {ImageError} DIGEST_MISMATCH: all of it is missing again; SIZE_MISMATCH: some of it is missing
   */
  commit(): Promise<void>
}

/** How a blob moves that one end drives. */
export interface DriveOptions {
  readonly signal?: AbortSignal
  /** Told the number of bytes that are there, beginning with those that were there before. */
  readonly onBytes?: (bytes: number) => void
}

/** A source that writes a blob into a partial one itself: over several connections, going on with what is there. */
export interface FillingSource {
  /** Resolves when the blob is committed. */
  fill(descriptor: Descriptor, partial: PartialBlob, options?: DriveOptions): Promise<void>
}

/** A sink that reads a blob itself: once, or from where its other end says that it has to go on. */
export interface DrawingSink {
  /** As `put`. Opens the blob at the source, or parts of it, as often as it needs. */
  draw(descriptor: Descriptor, from: BlobSource, options?: DriveOptions): Promise<void>
}

/** A sink whose blobs may arrive in parts. */
export interface PartialSink {
  /**
   * Opens what there is of a blob, waiting for others who write it. `undefined`: the blob is too small for that, or it is there by
   * now, and `put` is the way.
   */
  partial(descriptor: Descriptor, options?: { readonly signal?: AbortSignal }): Promise<PartialBlob | undefined>
}
