import { parseDuration } from '@gantry/registry'
import type { Flag } from '../flags/flag.ts'
import { parsed } from '../flags/flag.ts'

/** A flag with a duration such as `90s`, `15m`, `6h` or `30d`; in milliseconds. */
export function durationFlag(help: string): Flag<number | undefined> {
  return parsed(help, 'duration', (value) => {
    const found = value === '0' ? 0 : parseDuration(value)
    if (found === undefined) throw new Error(`"${value}" is no duration such as 30s, 15m, 6h or 30d`)
    return found
  })
}
