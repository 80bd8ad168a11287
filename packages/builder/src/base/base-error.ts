/** What can keep a base image from being made. */
export type BaseErrorCode =
  | 'BASE_UNKNOWN'
  | 'SOURCES_INVALID'
  | 'MIRROR_MISSING'
  | 'PACKAGES_UNAVAILABLE'
  | 'TOOL_MISSING'
  | 'ROOT_FAILED'
  | 'NPM_UNAVAILABLE'
  | 'NODE_UNFIT'
  | 'DECLARATION_INVALID'
  | 'LOCK_INVALID'
  | 'LOCK_STALE'
  | 'SHELL_WANTED'
  | 'PACKAGE_INVALID'
  | 'PACKAGES_CONFLICT'

/** A base image that could not be made; nothing is tagged then. `hint` is a command that may mend it. */
export class BaseError extends Error {
  override readonly name = 'BaseError'
  readonly code: BaseErrorCode
  readonly hint: string | undefined

  constructor(code: BaseErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}
