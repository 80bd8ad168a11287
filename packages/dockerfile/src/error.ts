import type { Range } from './range.ts'

/** What can be wrong with a Dockerfile or an ignore file. */
export type DockerfileErrorCode =
  | 'TOO_LARGE'
  | 'LINE_TOO_LONG'
  | 'EMPTY'
  | 'DIRECTIVE_INVALID'
  | 'INSTRUCTION_UNKNOWN'
  | 'INSTRUCTION_MISPLACED'
  | 'ARGUMENTS_INVALID'
  | 'FLAG_UNKNOWN'
  | 'FLAG_INVALID'
  | 'HEREDOC_INVALID'
  | 'HEREDOC_UNTERMINATED'
  | 'EXPANSION_INVALID'
  | 'EXPANSION_TOO_LARGE'
  | 'STAGE_UNKNOWN'
  | 'STAGE_CYCLE'
  | 'PATTERN_INVALID'
  | 'CHECK_FAILED'
  | 'NOT_ALLOWED'

/** Where and what: everything a {@link DockerfileError} carries besides its code and message. */
export interface DockerfileErrorDetails {
  readonly file: string
  readonly range: Range
  readonly hint?: string | undefined
  readonly cause?: unknown
}

/**
 * A mistake in a Dockerfile or an ignore file. Always carries a position: `line` and `column` count from 1, `offset`
 * from 0, and `length` is the number of UTF-16 code units to underline (at least 1, may run past the line's end).
 */
export class DockerfileError extends Error {
  override readonly name = 'DockerfileError'
  readonly code: DockerfileErrorCode
  readonly file: string
  readonly line: number
  readonly column: number
  readonly offset: number
  readonly length: number
  readonly hint: string | undefined

  constructor(code: DockerfileErrorCode, message: string, details: DockerfileErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    const { start, end } = details.range
    this.code = code
    this.file = details.file
    this.line = start.line
    this.column = start.column
    this.offset = start.offset
    this.length = Math.max(1, end.offset - start.offset)
    this.hint = details.hint
  }
}
