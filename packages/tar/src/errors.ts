/** What can be wrong with an archive, or with what is to become one. */
export type TarErrorCode =
  | 'TRUNCATED'
  | 'HEADER_INVALID'
  | 'CHECKSUM_MISMATCH'
  | 'PATH_ESCAPES'
  | 'UNSUPPORTED'
  | 'LIMIT'
  | 'SIZE_MISMATCH'
  | 'ENTRY_PASSED'

/** An archive that cannot be read or written. */
export class TarError extends Error {
  override readonly name = 'TarError'
  readonly code: TarErrorCode
  /** Where in the archive the header stands that it is about; absent when no archive was read. */
  readonly offset?: number

  constructor(code: TarErrorCode, message: string, options: ErrorOptions & { offset?: number } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    if (options.offset !== undefined) this.offset = options.offset
  }
}
