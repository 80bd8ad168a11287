/** Bounds on documents that come from a peer. */
export const limits: {
  /** Bytes of a manifest, index or config: what the distribution specification asks registries to accept. */
  readonly documentBytes: number
  /** Levels of nested objects and arrays. */
  readonly depth: number
  /** Elements of one list: layers, manifests, history entries. */
  readonly listItems: number
  /** Entries of one map: annotations, labels, volumes. */
  readonly mapEntries: number
} = { documentBytes: 4 * 1024 * 1024, depth: 64, listItems: 10_000, mapEntries: 10_000 }
