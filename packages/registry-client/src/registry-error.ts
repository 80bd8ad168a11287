/**
 * The kinds of failure of a registry: the codes of the distribution specification, as the registry answered them, and what can
 * go wrong before there is an answer.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
 */
export type RegistryErrorCode = (typeof wireCodes)[number] | LocalCode

type LocalCode =
  | 'UNREACHABLE'
  | 'TLS'
  | 'TIMEOUT'
  | 'SERVER'
  | 'PROTOCOL'
  | 'CREDENTIALS'
  | 'CONFIG_INVALID'
  | 'UPLOAD_FAILED'

const wireCodes = [
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
] as const

/** Whether the text is a code of the distribution specification. */
export function isWireCode(text: string): text is (typeof wireCodes)[number] {
  return (wireCodes as readonly string[]).includes(text)
}

/** What a {@link RegistryError} carries beside its message. */
export interface RegistryErrorContext {
  /** The HTTP status, when there was an answer. */
  readonly status?: number
  /** The registry as it stands in references. */
  readonly registry?: string
  /** In milliseconds: when the registry said to come back. */
  readonly retryAfter?: number
  readonly cause?: unknown
}

/** An error of a registry, or on the way to it. Never holds a secret. */
export class RegistryError extends Error {
  override readonly name: string = 'RegistryError'
  readonly code: RegistryErrorCode
  readonly status?: number
  readonly registry?: string
  readonly retryAfter?: number

  constructor(code: RegistryErrorCode, message: string, context: RegistryErrorContext = {}) {
    super(message, 'cause' in context ? { cause: context.cause } : {})
    this.code = code
    if (context.status !== undefined) this.status = context.status
    if (context.registry !== undefined) this.registry = context.registry
    if (context.retryAfter !== undefined) this.retryAfter = context.retryAfter
  }
}
