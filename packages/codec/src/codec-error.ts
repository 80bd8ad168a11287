/** The kinds of failure of hashing and compression. */
export type CodecErrorCode =
  | 'STREAM_DAMAGED'
  | 'STREAM_TOO_LARGE'
  | 'WORKER_DIED'
  | 'CODEC_CLOSED'
  | 'DIGEST_UNSUPPORTED'

/** An error of the codec. Errors of the file system while staging are thrown as Node throws them (`ENOSPC`, ...). */
export class CodecError extends Error {
  override readonly name: string = 'CodecError'
  readonly code: CodecErrorCode

  constructor(code: CodecErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.code = code
  }
}
