/** What can go wrong with the ledger. */
export type LedgerErrorCode =
  | 'CHANGE_FAILED'
  | 'UNDO_FAILED'
  | 'OWNER_UNDOING'
  | 'OWNER_BUSY'
  | 'KIND_UNKNOWN'
  | 'ARGS_INVALID'
  | 'ABORTED'

/** The one error of the ledger. `cause` is what the door said (a SystemCallError, a ProcessError), or an AggregateError of several. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError'
  readonly code: LedgerErrorCode
  readonly owner: string | undefined
  readonly kind: string | undefined
  readonly hint: string | undefined

  constructor(
    code: LedgerErrorCode,
    message: string,
    context: { readonly owner?: string; readonly kind?: string; readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause })
    this.code = code
    this.owner = context.owner
    this.kind = context.kind
    this.hint = context.hint
  }
}
