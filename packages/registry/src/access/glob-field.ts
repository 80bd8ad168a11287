import { ConfigError } from '../config/config-error.ts'
import type { Field } from '../config/fields.ts'
import { text } from '../config/fields.ts'
import { parseGlob } from './glob.ts'
import type { Glob, GlobOptions } from './glob.ts'

/** A pattern in a configuration. */
export function glob(options: GlobOptions = {}): Field<Glob> {
  const read = text({ what: 'a pattern such as "team/*" or "**"' })
  return (value, path) => {
    const source = read(value, path)
    try {
      return parseGlob(source, options)
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause)
      throw new ConfigError(path, `is no pattern: ${problem}`, { cause })
    }
  }
}
