/** What can go wrong with snapshots. */
export type SnapshotErrorCode =
  | 'LAYER_INVALID'
  | 'DIGEST_MISMATCH'
  | 'CHAIN_UNKNOWN'
  | 'SNAPSHOT_UNKNOWN'
  | 'SNAPSHOT_EXISTS'
  | 'OVERLAY_UNSUPPORTED'
  | 'OWNERS_UNSUPPORTED'
  | 'STORE_FULL'
  | 'UNPACK_FAILED'
  | 'TREE_CONFLICT'

/** The one error of this package. `hint` says what to do, where something can be done. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
  readonly code: SnapshotErrorCode
  readonly hint: string | undefined

  constructor(
    code: SnapshotErrorCode,
    message: string,
    options: { readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}
