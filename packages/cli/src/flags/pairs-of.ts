import { CliError } from '../cli-error.ts'

/** Reads the values of a repeated flag as `KEY=VALUE`; undefined when there are none. @throws CliError INVALID */
export function pairsOf(entries: readonly string[], flag: string): Record<string, string> | undefined {
  if (entries.length === 0) return undefined
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.indexOf('=')
      if (at < 0) throw new CliError('INVALID', `Cannot use "${flag} ${entry}": it is not KEY=VALUE`)
      return [entry.slice(0, at), entry.slice(at + 1)]
    }),
  )
}
