import { CliError } from '../cli-error.ts'
import { parseMoment } from './human-duration.ts'

/** `--since` or `--until` as an option of a request; empty when it was not given. @throws CliError INVALID */
export function momentOption(name: 'since' | 'until', value: string | undefined): { since?: string; until?: string } {
  if (value === undefined) return {}
  try {
    return { [name]: parseMoment(value, Date.now()) }
  } catch (error) {
    throw new CliError('INVALID', `Cannot use --${name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
