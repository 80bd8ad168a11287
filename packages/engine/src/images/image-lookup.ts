import type { CommitRequest } from './commit-image.ts'
import type { Descriptor, Digest, ImageConfig } from '@gantry/oci'

/** An image of the local store, ready to be run from. */
export interface LocalImage {
  /** Digest of its configuration. */
  readonly id: Digest
  /** Of its manifest. */
  readonly descriptor: Descriptor
  readonly config: ImageConfig
  /** Chain ID of its unpacked layers; absent without layers. */
  readonly chain: Digest | undefined
}

/** Finds images for containers. */
export interface ImageLookup {
  /** The image of a name, an id or the beginning of one, unpacked. Repeated calls cost next to nothing.
   * @throws EngineError IMAGE_UNKNOWN, IMAGE_AMBIGUOUS; SnapshotError when its layers cannot be unpacked */
  open(reference: string, options?: { platform?: string; signal?: AbortSignal }): Promise<LocalImage>
  /** Puts a layer on an image and gives the result a name; answers its id. @throws EngineError IMAGE_UNKNOWN, SPEC_INVALID */
  commit(request: CommitRequest): Promise<Digest>
  /** Keeps an image's content for an owner in the ledger's sense. Synchronous, so that it can be part of a transaction. */
  hold(owner: string, manifest: Digest): void
  /** Gives up what an owner holds. Idempotent. */
  letGo(owner: string): void
}
