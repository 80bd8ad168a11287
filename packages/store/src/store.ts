import type { BlobIngester, BlobSink, BlobSource, PartialSink, TagResolver, TagWriter } from '@gantry/image'
import type { Descriptor, Digest, DigestAlgorithm } from '@gantry/oci'
import type { Collected, CollectOptions } from './collect-garbage.ts'
import type { CompressionKind } from './compressed.ts'
import type { StoredBlob } from './disk-blobs.ts'
import type { Lease, LeaseOptions } from './leases.ts'
import type { StoredName } from './names.ts'
import type { QuarantineOptions } from './quarantine.ts'
import type { StagedKey, Staging } from './staging.ts'
import type { EventFilter, NewStoreEvent, StoreEvent } from './store-events.ts'

/**
 * The content store: blobs on disk as an OCI image layout, names and what else is known of them in the database. Several
 * processes may have one open. Disposing of it flushes; the state and the codec are the opener's.
 */
export interface Store extends BlobSource, BlobSink, BlobIngester, TagResolver, TagWriter, AsyncDisposable {
  /** The image layout, for other tools. */
  readonly root: string
  /** Tells this content store from every other, also from another process. */
  readonly id: string

  /**
   * Whether the blob is there, with that size. It is kept for the grace of the next collection then, as if it had been put.
   */
  has(descriptor: Descriptor): Promise<boolean>
  /** The size of a blob, or `undefined` when it is not there. */
  size(digest: Digest): number | undefined
  /** As `size`, and keeps it as `has` does. */
  touch(digest: Digest): number | undefined
  /** The file of a blob, there or not, for those who read it themselves. Never write to it. */
  path(digest: Digest): string
  /** Removes a blob, whoever needs it; false when it was not there. `gc` is the way to remove what nobody needs. */
  delete(digest: Digest): Promise<boolean>
  /**
   * Puts a damaged blob aside, where nothing looks for it and nothing removes it. With `copy` it also stays where it is, for a
   * good one to take its place. Gives the file it is in now; `undefined` when the blob is no longer the file of that inode.
   */
  quarantine(digest: Digest, options: QuarantineOptions): Promise<string | undefined>
  /**
   * Puts a small blob that is known to have the digest. It is there at once, and on the disk with a transaction in which
   * `keepDocument` is called: nobody waits for its file.
   *
   * @throws {StoreError} STORE_FULL
   */
  writeDocument(digest: Digest, bytes: Uint8Array): Promise<void>
  /** See `writeDocument`: makes the blob as durable as the transaction of the state that this is called in. */
  keepDocument(digest: Digest, bytes: Uint8Array): void
  /** All blobs, in no order. */
  blobs(): AsyncIterable<StoredBlob>
  /** Everything that is here and that the content leads to, itself included. */
  reachable(start: Descriptor | Digest, options?: { readonly signal?: AbortSignal }): Promise<ReadonlySet<Digest>>

  /**
   * A blob to be written in parts. With a key (letters, digits, `-`) it outlives its disposal and this process: opened again
   * with the same key it goes on where it was, until it is committed or discarded.
   */
  stage(options?: { readonly key?: string; readonly algorithm?: DigestAlgorithm }): Promise<Staging>

  /** Part of the interface of every store; see `PartialSink`. */
  partial: PartialSink['partial']
  /**
   * Removes what is left of pulls that were broken off so long ago, in milliseconds (default: a week, as `gc` does), and that
   * nobody goes on with now. Gives the bytes that this frees.
   */
  prunePartials(options?: { readonly age?: number; readonly dryRun?: boolean }): Promise<number>

  /** What is staged under keys that begin so, and when it was last written to, in milliseconds. */
  staged(prefix?: string): readonly StagedKey[]
  /** Removes what is staged under a key, whoever has it open; false when nothing was. */
  unstage(key: string): Promise<boolean>

  /** What a digest or a name stands for. Names may be short: they are read as `parseReference` does. */
  resolve(reference: string): Promise<Descriptor | undefined>
  /**
   * Gives the content a name; on the disk when it returns. The content must be there.
   *
   * @throws {ImageError} MANIFEST_UNKNOWN
   */
  tag(name: string, descriptor: Descriptor): Promise<void>
  /**
   * Takes a name away; false when there was none. With `expected` only if it stands for that content still: it may have been given to
   * something else since it was looked at. The content stays until it is collected.
   */
  untag(name: string, expected?: Digest): boolean
  /** The names, in order. */
  names(): readonly StoredName[]

  /** Keeps content from being collected for a while. See {@link Lease}. */
  lease(what: readonly Digest[] | 'new', options?: LeaseOptions): Lease
  /** Keeps content, and what its manifest leads to, for an owner such as `container/<id>`, until it is unpinned. Idempotent. */
  pin(owner: string, digest: Digest): void
  /** Gives up one pin of an owner, or all of them. Idempotent. */
  unpin(owner: string, digest?: Digest): void
  /** Who pins the content. */
  pinnedBy(digest: Digest): readonly string[]
  /**
   * The time that ages are reckoned by, in milliseconds: when the machine's clock was set ahead by ten minutes or more since the machine
   * was started, the time without that. Nothing is removed as old because a clock is wrong.
   */
  now(): number
  /** By how much the clock was set ahead, in milliseconds; 0 for less than ten minutes. */
  clockAhead(): number
  /** Removes what no name, pin or lease leads to, and what dead processes left half-written. */
  gc(options?: CollectOptions): Promise<Collected>

  /** Remembers what an uncompressed layer becomes when it is compressed. */
  rememberCompressed(diffId: Digest, descriptor: Descriptor): void
  /** What was remembered; its blob need not be there. */
  compressedOf(diffId: Digest, kind: CompressionKind): Descriptor | undefined

  /** Records what a command did. Taking and giving names does not record by itself: the command knows its own verb. */
  record(event: NewStoreEvent): StoreEvent
  /** What was recorded, oldest first; the last ten thousand are kept. */
  events(filter?: EventFilter): readonly StoreEvent[]

  /** Resolves when `index.json` shows all names of this moment. */
  flush(): Promise<void>
}
