import type { JsonObject } from './json.ts'

/** An argument as text; undefined when it is absent or no text, number or truth value. */
export function textOf(args: JsonObject, name: string): string | undefined {
  const value = args[name]
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined
}
