/** What can be wrong with how the access control is set up. */
export type AccessErrorCode = 'HTPASSWD_INVALID' | 'HTPASSWD_UNREADABLE' | 'KEY_INVALID' | 'KEY_EXISTS' | 'WORKER_DIED'

/** The access control cannot be set up as it was asked. Passwords and keys are never in the message. */
export class AccessError extends Error {
  override readonly name: string = 'AccessError'
  readonly code: AccessErrorCode

  constructor(code: AccessErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options)
    this.code = code
  }
}
