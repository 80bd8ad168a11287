import type { BlobSource } from '@gantry/image'
import type { Digest, DigestAlgorithm } from '@gantry/oci'

/** A blob that is being uploaded. Calls are made one at a time; disposing closes it, and removes one without a key. */
export interface UploadStaging extends AsyncDisposable {
  readonly size: number
  /** How many of its bytes can be read; `flush` waits for the rest. */
  readonly landed: number
  write(chunk: Uint8Array): void | Promise<void>
  flush(): Promise<void>
  /** Whether what was written has the digest; sooner than `commit`, which waits for the disk. @throws {ImageError} DIGEST_MISMATCH */
  verify(digest: Digest): Promise<void>
  /** @throws {ImageError} DIGEST_MISMATCH */
  commit(expected: { readonly digest: Digest }): Promise<{ readonly digest: Digest; readonly size: number }>
  discard(): Promise<void>
  /**
   * Reads what was flushed, while more comes; fewer bytes at the end of that. Once called, it can be called after `commit` and
   * `discard` too, until the staging is disposed of.
   */
  read(position: number, length: number): Promise<Uint8Array>
}

/** Puts small documents. */
export interface DocumentStorage {
  /** So many bytes at most. */
  readonly mostBytes: number
  /** Makes it a blob, which may be gone after a loss of power. */
  write(digest: Digest, bytes: Uint8Array): Promise<void>
  /** Makes what was written as durable as the transaction of the state that this is called in. */
  keep(digest: Digest, bytes: Uint8Array): void
}

/** Where a registry keeps its blobs, of all repositories together. The disk store and the memory store implement it. */
export interface RegistryStorage extends BlobSource {
  /** Which content store it is, where others may use the same. */
  readonly id?: string
  /** A directory beside the blobs, there or not, where the registry writes down what it could not make from them again. */
  readonly directory?: string
  /** The size of a blob, or `undefined` when it is not there. */
  size(digest: Digest): Promise<number | undefined>
  /** As `size`, and keeps it from being collected for a while: somebody is about to refer to it. */
  touch(digest: Digest): Promise<number | undefined>
  /** The file of a blob, where it is one. */
  file?(digest: Digest): string
  /**
   * A blob to be written, hashed as it comes by what it will most likely be committed as (default: sha256). With a key it
   * outlives its disposal, and on a disk the process: it goes on where it was.
   */
  stage(key?: string, algorithm?: DigestAlgorithm): Promise<UploadStaging>
  /** Where small documents, whose digest is known, need not be synced each by itself. */
  readonly documents?: DocumentStorage
  /** Keeps a manifest and what it leads to for an owner. Idempotent; may be called inside a transaction of the state. */
  retain(owner: string, digest: Digest): void
  /** Gives it up again. Idempotent. */
  release(owner: string, digest: Digest): void
}
