import { ImageError } from '@gantry/image'
import { OciError } from '@gantry/oci'
import { StateError } from '@gantry/state'
import { StoreError } from '@gantry/store'

/**
 * The error codes of the distribution specification with the status each has by default, and `UNKNOWN` for what is the
 * server's own fault.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
 */
const statuses = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  RANGE_INVALID: 416,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  UNKNOWN: 500,
} as const

/** A code on the wire. */
export type WireCode = keyof typeof statuses

/** What a {@link WireError} may carry. */
export interface WireErrorOptions {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly detail?: unknown
  readonly cause?: unknown
}

/** A request that is refused; it becomes the answer. */
export class WireError extends Error {
  override readonly name: string = 'WireError'
  readonly code: WireCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly detail: unknown

  constructor(code: WireCode, message: string, options: WireErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.code = code
    this.status = options.status ?? statuses[code]
    this.headers = options.headers ?? {}
    this.detail = options.detail
  }
}

/** Says in the words of the wire what another package threw. */
export function toWireError(error: unknown): WireError {
  if (error instanceof WireError) return error
  if (error instanceof ImageError) {
    if (error.code === 'DIGEST_MISMATCH') return new WireError('DIGEST_INVALID', error.message, { cause: error })
    if (error.code === 'SIZE_MISMATCH') return new WireError('SIZE_INVALID', error.message, { cause: error })
    if (error.code === 'BLOB_UNKNOWN') return new WireError('BLOB_UNKNOWN', error.message, { cause: error })
  }
  if (error instanceof OciError) {
    const code = error.code === 'DIGEST_INVALID' ? 'DIGEST_INVALID' : 'MANIFEST_INVALID'
    return new WireError(code, error.message, { cause: error })
  }
  if (error instanceof StateError && error.code === 'STATE_BUSY') {
    return new WireError('UNKNOWN', 'the registry is busy', {
      status: 503,
      headers: { 'Retry-After': '1' },
      cause: error,
    })
  }
  const isFull =
    error instanceof StoreError
      ? error.code === 'STORE_FULL'
      : error instanceof StateError && error.code === 'STATE_FULL'
  if (isFull) {
    return new WireError('UNKNOWN', 'the disk of the registry is full', { status: 507, cause: error })
  }
  return new WireError('UNKNOWN', 'the registry failed', { cause: error })
}
