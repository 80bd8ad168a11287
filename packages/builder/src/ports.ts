import type { NodeCodec } from '@gantry/codec'
import type { Host, Ledger, Site } from '@gantry/linux'
import type { Descriptor, Platform, Reference } from '@gantry/oci'
import type { Runtime } from '@gantry/runtime'
import type { Snapshots } from '@gantry/snapshot'
import type { State } from '@gantry/state'
import type { Store } from '@gantry/store'

/** How an image is looked for. */
export interface ResolveImageOptions {
  readonly platform: Platform
  /** Ask the registry even when the image is here. */
  readonly pull: boolean
  readonly signal: AbortSignal
  /** Bytes that have come so far, when it is pulled. */
  readonly onProgress: (bytes: number, total: number | undefined) => void
}

/** What a build works with. `runtime` and `snapshots` are touched only when a step needs them. */
export interface BuilderPorts {
  readonly site: Pick<Site, 'root' | 'run' | 'instance'>
  readonly host: Host
  /** Opened with `builderMigrations`. */
  readonly state: State
  readonly ledger: Ledger
  readonly store: Store
  readonly codec: NodeCodec
  readonly snapshots: Snapshots
  readonly runtime: Pick<Runtime, 'runOnce'>
  /**
   * Finds an image, here first and then at its registry, and answers with its manifest or index; the blobs for the
   * platform are in `store` then. Undefined when there is no such image anywhere.
   */
  resolveImage(reference: Reference, options: ResolveImageOptions): Promise<Descriptor | undefined>
}
