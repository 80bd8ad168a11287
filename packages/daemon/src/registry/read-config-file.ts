import { readFileSync } from 'node:fs'
import { ConfigError } from '@gantry/registry'

/** Reads the JSON of a configuration file. @throws {ConfigError} */
export function readConfigFile(path: string): unknown {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError('', `cannot be read: ${detail}`, { cause })
  }
  try {
    return JSON.parse(content)
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError('', `is no JSON, in ${JSON.stringify(path)}: ${detail}`, { cause })
  }
}
