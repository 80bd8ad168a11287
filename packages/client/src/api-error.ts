/** What kind of answer it was: an HTTP status by its name, or what went wrong before there was one. */
export type ApiErrorCode =
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'SERVER_ERROR'
  | 'NOT_IMPLEMENTED'
  | 'UNAVAILABLE'
  | 'STREAM_FAILED'
  | 'CONNECT_FAILED'
  | 'CONNECTION_LOST'
  | 'PROTOCOL'
  | 'ABORTED'

/** The daemon answered with an error, or could not be asked. `message` is the daemon's own text where there is one. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ApiErrorCode
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number
  /** The daemon's own error code, such as `IMAGE_UNKNOWN`, where it sent one. */
  readonly reason: string | undefined
  readonly hint: string | undefined

  constructor(
    code: ApiErrorCode,
    message: string,
    details: { status?: number; reason?: string; cause?: unknown; hint?: string } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.status = details.status ?? 0
    this.reason = details.reason
    this.hint = details.hint
  }
}

const codes: Readonly<Record<number, ApiErrorCode>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  501: 'NOT_IMPLEMENTED',
  503: 'UNAVAILABLE',
}

/** Names an HTTP error status. */
export function errorCodeOf(status: number): ApiErrorCode {
  return codes[status] ?? (status < 500 ? 'BAD_REQUEST' : 'SERVER_ERROR')
}
