/** What a daemon writes down for people. */
export type Log = (message: string, error?: unknown) => void

/** Writes lines of a time and a message to standard error, which is the log file of a daemon in the background. */
export const writeLog: Log = (message, error) => {
  const detail = error === undefined ? '' : `: ${describe(error)}`
  process.stderr.write(`${new Date().toISOString()} ${message}${detail}\n`)
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? ` [${error.code}]` : ''
  const cause = error.cause === undefined ? '' : ` (${describe(error.cause)})`
  const hint = 'hint' in error && typeof error.hint === 'string' ? `; ${error.hint}` : ''
  return `${error.message}${code}${cause}${hint}`
}
