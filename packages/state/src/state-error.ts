/** The kinds of failure of the database. */
export type StateErrorCode =
  | 'STATE_TOO_NEW'
  | 'STATE_TOO_OLD'
  | 'STATE_DAMAGED'
  | 'STATE_BUSY'
  | 'STATE_FULL'
  | 'STATE_UNAVAILABLE'
  | 'MIGRATION_FAILED'
  | 'TRANSACTION_ASYNC'

/** What a {@link StateError} may carry beside its message. */
export interface StateErrorOptions {
  readonly cause?: unknown
  /** What to do about it, as a sentence of its own. */
  readonly hint?: string
}

/** An error of the state database. `code` says the kind, the message what was tried and on what, `hint` what to do. */
export class StateError extends Error {
  override readonly name: string = 'StateError'
  readonly code: StateErrorCode
  readonly hint?: string

  constructor(code: StateErrorCode, message: string, options: StateErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.code = code
    if (options.hint !== undefined) this.hint = options.hint
  }
}
