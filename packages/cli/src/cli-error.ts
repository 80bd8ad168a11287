/** What can go wrong in the command line itself; everything else keeps the code of the package that raised it. */
export type CliErrorCode =
  | 'USAGE'
  | 'ARGUMENTS'
  | 'INVALID'
  | 'UNKNOWN_COMMAND'
  | 'NOT_ROOT'
  | 'DAEMON_UNREACHABLE'
  | 'UNSUPPORTED'
  | 'NOT_FOUND'
  | 'TEMPLATE'
  | 'ABORTED'
  | 'FAILED'

/** An error of the command line. `hint` is a command or a sentence that mends it. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode
  readonly hint: string | undefined

  constructor(code: CliErrorCode, message: string, options: { cause?: unknown; hint?: string | undefined } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}
