import type { Digest, DigestAlgorithm } from '@gantry/oci'

/** A running digest. Chunks may be read after `update` returns, until its promise is settled: do not change them. */
export interface Hasher {
  update(chunk: Uint8Array): void | Promise<void>
  /** The digest of everything so far; the hasher is spent then. */
  digest(): Digest | Promise<Digest>
  /** Frees what a hasher holds that will not be asked for its digest. */
  discard?(): void
}

/** How hard to compress. */
export interface CompressOptions {
  /** The format's own scale. The default is the implementation's and is part of its reproducibility. */
  readonly level?: number
}

/** Hashing and compression, which this floor does not do itself; the `codec` package implements it on workers. */
export interface Codec {
  hasher(algorithm: DigestAlgorithm): Hasher
  compress(kind: 'gzip' | 'zstd', body: AsyncIterable<Uint8Array>, options?: CompressOptions): AsyncIterable<Uint8Array>
  decompress(kind: 'gzip' | 'zstd', body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>
}

/** The part of a codec that only hashes. */
export type Hashing = Pick<Codec, 'hasher'>
