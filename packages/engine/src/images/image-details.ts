import type { Descriptor, Digest, ImageConfig, Manifest } from '@gantry/oci'

/** An image of the local store, as people see it. */
export interface ImageDetails {
  /** Digest of its configuration. */
  readonly id: Digest
  /** What its names stand for: its manifest, or the index that it was chosen from. */
  readonly root: Descriptor
  readonly descriptor: Descriptor
  readonly manifest: Manifest
  readonly config: ImageConfig
  /** Full names, in order. */
  readonly names: readonly string[]
  /** What each of the names stood for when they were read: several roots where images differ only in their manifests. */
  readonly targets: ReadonlyMap<string, Digest>
  /** Bytes of its blobs. */
  readonly size: number
  /** When its newest name was given, milliseconds since the epoch; absent without one. */
  readonly tagged?: number
}

/** What removing an image came to. */
export type ImageRemoval = { readonly untagged: string } | { readonly deleted: Digest }

/** What has happened on the way between a registry or an archive and the store. */
export type TransferEvent =
  | { readonly kind: 'resolved'; readonly name: string; readonly descriptor: Descriptor }
  | {
      readonly kind: 'blob'
      readonly descriptor: Descriptor
      readonly state: 'exists' | 'start' | 'progress' | 'done' | 'mounted' | 'compressing'
      readonly bytes: number
    }
  | {
      readonly kind: 'unpack'
      /** Digest of the layer's blob. */
      readonly layer: Digest
      readonly state: 'exists' | 'start' | 'progress' | 'done'
      readonly bytes: number
      readonly total: number
    }
  | {
      readonly kind: 'done'
      readonly name: string
      readonly descriptor: Descriptor
      /** False when the name stood for this content already. */
      readonly changed: boolean
    }
  /** Something people want to know: that a registry is waited for, that a mirror failed. */
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'loaded'; readonly name?: string; readonly id: Digest }
