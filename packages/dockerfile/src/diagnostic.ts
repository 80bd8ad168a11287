/** What {@link renderDiagnostic} needs of an error; `DockerfileError` and the builder's errors have it. */
export interface Diagnostic {
  readonly message: string
  readonly file: string
  readonly line: number
  readonly column: number
  readonly length: number
  readonly hint?: string | undefined
}

const widest = 160

/**
 * Prints where an error is: `file:line:column`, the message, the line itself with a caret below, and the hint.
 * Lines wider than 160 characters are cut around the caret; control characters in the source are shown as spaces, so
 * that a hostile file cannot write to the terminal. Ends without a newline.
 */
export function renderDiagnostic(source: string, error: Diagnostic): string {
  const lines = source.split('\n')
  const line = (lines[error.line - 1] ?? '').replace(/\r$/, '')
  const from = Math.max(0, error.column - 1 - widest / 2)
  const shown = line.slice(from, from + widest).replace(/\p{Cc}/gu, ' ')
  const indent = Math.min(shown.length, error.column - 1 - from)
  const length = Math.max(1, Math.min(error.length, shown.length - indent))
  const gutter = String(error.line)
  const blank = ' '.repeat(gutter.length)
  const out = [
    `${error.file}:${error.line}:${error.column}: ${error.message}`,
    `${blank} |`,
    `${gutter} | ${shown}`,
    `${blank} | ${' '.repeat(indent)}${'^'.repeat(length)}`,
  ]
  if (error.hint !== undefined) out.push(`${blank} = ${error.hint}`)
  return out.join('\n')
}
