import type { GrowingFile, Image, Layer } from '@gantry/image'
import type { Owner } from '@gantry/linux'
import type { Digest } from '@gantry/oci'

/** A writable snapshot. */
export interface Prepared {
  readonly key: string
  /** Where the file system appears once it is mounted. */
  readonly rootfs: string
  /** Where it appears when it is mounted with mapped owners. */
  readonly mapped: string
  /** The overlay's upper directory: what differs from the parent. */
  readonly upper: string
}

/** How a snapshot is prepared. */
export interface PrepareOptions {
  /** Whether to mount it at once. Default: true. */
  readonly mount?: boolean
  /** Whether overlay may skip syncing to disk: for build steps, whose result is read and then committed. Default: false. */
  readonly volatile?: boolean
  readonly signal?: AbortSignal
}

/** Who the owners of a snapshot's files are outside of a user namespace. */
export interface MappedOwners {
  /** Path of a user namespace with the container's maps. */
  readonly namespace: string
  /** Who the container's root is outside: its processes pass the directories above the root file system by that group. */
  readonly root: { readonly uid: number; readonly gid: number }
}

/** What unpacking has come to. */
export interface UnpackProgress {
  /** The layer's diff ID. */
  readonly diffId: Digest
  readonly state: 'exists' | 'start' | 'progress' | 'done'
  /** Bytes of the stored blob read so far, and in all. */
  readonly bytes: number
  readonly total: number
}

/** How an image is unpacked. */
export interface UnpackOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: UnpackProgress) => void
  /** Resolves when the layer's blob may be read, for layers that are still on their way. Default: at once. */
  readonly ready?: (layer: Layer) => Promise<void>
  /**
   * Resolves when the layer's blob begins to come, with its file, to be unpacked as it grows; without one when it comes as a whole.
   * `ready` is waited for all the same before the layer counts. Default: nothing is unpacked before it is `ready`.
   */
  readonly arriving?: (layer: Layer) => Promise<GrowingFile | undefined>
}

/** How the difference of a snapshot is written. */
export interface DiffOptions {
  /** Modification times later than `after` become `becomes` (seconds since 1970). Default: times stay as they are. */
  readonly mtime?: { readonly after: number; readonly becomes: number }
  readonly signal?: AbortSignal
}

/** Which layers go. */
export interface SnapshotGcOptions {
  /** Chains that stay, with all below them. */
  readonly keep?: readonly Digest[]
  /** Only these chains go. Default: all that may. */
  readonly only?: readonly Digest[]
  /** Milliseconds that a layer must have been idle. Default: one minute. */
  readonly grace?: number
}

/** What is on disk. */
export interface SnapshotUsage {
  readonly layers: readonly {
    readonly chain: Digest
    readonly bytes: number
    readonly created: number
    readonly used: number
  }[]
  readonly snapshots: readonly { readonly key: string; readonly parent: Digest | undefined; readonly created: number }[]
}

/**
 * Root file systems from layers. A committed layer is an immutable directory named by its chain ID; a snapshot is a writable
 * view of such a chain. All methods are safe to call from several processes on one root at once.
 */
export interface Snapshots {
  /** The chain ID of an image's top layer; undefined for an image without layers. */
  chainOf(image: Image): Promise<Digest | undefined>

  /**
   * Makes every layer of the image a committed one, in parallel, each once, and answers with the top chain ID (undefined
   * without layers). A layer is there as a whole and verified against its diff ID, or not at all.
   *
   * @throws SnapshotError LAYER_INVALID, DIGEST_MISMATCH, STORE_FULL, UNPACK_FAILED
   */
  unpack(image: Image, options?: UnpackOptions): Promise<Digest | undefined>

  /** Whether a chain is committed. */
  has(chain: Digest): boolean

  /**
   * Makes a writable snapshot on a chain (on nothing without one). Its directories and its mount belong to `owner`; undoing
   * the owner removes them.
   *
   * @throws SnapshotError SNAPSHOT_EXISTS, CHAIN_UNKNOWN, OVERLAY_UNSUPPORTED
   */
  prepare(key: string, parent: Digest | undefined, owner: Owner, options?: PrepareOptions): Promise<Prepared>

  /**
   * Mounts a prepared snapshot for an owner, at the same place every time. With `owners` its files are seen with mapped owners, at another
   * place; on the disk, in its upper directory too, they keep those of the inside.
   * @throws SnapshotError SNAPSHOT_UNKNOWN, OWNERS_UNSUPPORTED
   */
  mount(key: string, owner: Owner, options?: { readonly owners?: MappedOwners }): Promise<Prepared>

  /** Where a snapshot is, or is to be. @throws SnapshotError SNAPSHOT_UNKNOWN */
  paths(key: string): Prepared

  /**
   * A read-only directory with the content of a chain: the layer itself where one suffices, else an overlay whose mount
   * belongs to `owner`.
   *
   * @throws SnapshotError CHAIN_UNKNOWN
   */
  view(chain: Digest | undefined, owner: Owner): Promise<{ readonly rootfs: string }>

  /**
   * What a snapshot changed, as a layer's tar: from the upper directory alone, in path order, with whiteouts, opaque
   * directories, hard links and extended attributes. Nothing must be writing to the snapshot.
   */
  diff(key: string, options?: DiffOptions): AsyncIterable<Uint8Array>

  /**
   * Unmounts a snapshot and makes its upper directory the committed layer of `chain`. The snapshot is gone afterwards. When
   * the chain is committed already, the snapshot is merely removed.
   */
  commit(key: string, chain: Digest, layer: { readonly diffId: Digest }): Promise<void>

  /** Unmounts and removes a snapshot with its upper directory. Idempotent. */
  remove(key: string): Promise<void>

  /** Bytes on disk in a snapshot's upper directory. @throws SnapshotError SNAPSHOT_UNKNOWN */
  usage(key: string): Promise<number>

  /** Everything on disk. */
  list(): SnapshotUsage

  /**
   * Removes committed layers that neither a chain to keep nor a snapshot stands on, and forgets snapshots whose owner is gone.
   * Layers that were asked for within the last minute stay, since somebody may be about to build on them.
   */
  gc(options: SnapshotGcOptions): Promise<{ readonly removed: readonly Digest[]; readonly bytes: number }>

  /** Ends the worker threads. */
  close(): Promise<void>
}
