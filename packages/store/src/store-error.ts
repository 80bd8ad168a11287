/** The kinds of failure of the content store, beside those of `ImageError` about single blobs. */
export type StoreErrorCode =
  | 'STORE_FULL'
  | 'STORE_UNAVAILABLE'
  | 'STORE_DAMAGED'
  | 'LEASE_UNKNOWN'
  | 'COMPRESSION_CHANGED'
  | 'LAYOUT_INVALID'
  | 'LAYOUT_LOCKED'
  | 'ARCHIVE_UNAVAILABLE'

/** An error of the content store. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.code = code
  }
}

/** The `code` of an error of Node, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Says in the store's words what the file system said while something was written; other errors come back as they are. */
export function translateWriteError(error: unknown, root: string): unknown {
  const code = systemCode(error)
  const quoted = JSON.stringify(root)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new StoreError(
      'STORE_FULL',
      `Cannot write to the content store ${quoted}: the disk is full; free space there (gantry rmi removes images) and try again`,
      { cause: error },
    )
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new StoreError(
      'STORE_UNAVAILABLE',
      `Cannot write to the content store ${quoted}: ${code}; run as its owner, or set GANTRY_ROOT to a directory of your own`,
      { cause: error },
    )
  }
  return error
}
