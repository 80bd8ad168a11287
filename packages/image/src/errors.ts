/** What can go wrong with the content of images. */
export type ImageErrorCode =
  | 'BLOB_UNKNOWN'
  | 'DIGEST_MISMATCH'
  | 'SIZE_MISMATCH'
  | 'RANGE_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'PLATFORM_UNKNOWN'
  | 'LAYER_INVALID'
  | 'ARCHIVE_INVALID'
  | 'COPY_FAILED'
  | 'DIGEST_CHANGED'
  | 'FORMAT_UNSUPPORTED'
  | 'REBASE_INVALID'
  | 'ARTIFACT_INVALID'
  | 'SIGNATURE_INVALID'

/** The two ends of a copy. */
export type Side = 'source' | 'sink'

/** Content that is missing, is not what its descriptor says, or cannot be moved. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
  readonly code: ImageErrorCode
  /** Which end of a copy failed; absent where there is only one. */
  readonly side?: Side

  constructor(code: ImageErrorCode, message: string, options: ErrorOptions & { side?: Side } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    if (options.side !== undefined) this.side = options.side
  }
}
