/** What can go wrong with a program that Gantry starts. */
export type ProcessErrorCode = 'EXIT' | 'NOT_FOUND' | 'TIMEOUT' | 'SIGNALLED' | 'OUTPUT_TOO_LARGE' | 'ABORTED' | 'SPAWN'

/** What a {@link ProcessError} is made of, beside its code and message. */
export interface ProcessErrorContext {
  readonly command: string
  readonly args?: readonly string[]
  readonly exitCode?: number | null
  readonly signal?: NodeJS.Signals | null
  readonly stdout?: string
  readonly stderr?: string
  readonly hint?: string
  readonly cause?: unknown
}

/** The one error of this package. `stderr` holds what the program said, at most 64 KiB of its end. */
export class ProcessError extends Error {
  override readonly name = 'ProcessError'
  readonly code: ProcessErrorCode
  readonly command: string
  readonly args: readonly string[]
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly hint: string | undefined

  constructor(code: ProcessErrorCode, message: string, context: ProcessErrorContext) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause })
    this.code = code
    this.command = context.command
    this.args = context.args ?? []
    this.exitCode = context.exitCode ?? null
    this.signal = context.signal ?? null
    this.stdout = (context.stdout ?? '').slice(-65_536)
    this.stderr = (context.stderr ?? '').slice(-65_536)
    this.hint = context.hint
  }
}
