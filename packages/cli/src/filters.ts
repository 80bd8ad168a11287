import type { Filters } from '@gantry/client'
import { CliError } from './cli-error.ts'

/** Reads `--filter key=value` flags; a key given twice matches either value. @throws CliError INVALID */
export function parseFilters(entries: readonly string[]): Filters {
  const filters: Record<string, string[]> = {}
  for (const entry of entries) {
    const equals = entry.indexOf('=')
    if (equals < 1) throw new CliError('INVALID', `Cannot filter by "${entry}": it is not KEY=VALUE`)
    const key = entry.slice(0, equals).trim().toLowerCase()
    filters[key] = [...(filters[key] ?? []), entry.slice(equals + 1).trim()]
  }
  return filters
}
