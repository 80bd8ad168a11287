import { quote } from '@gantry/oci'
import { ConfigError } from './config-error.ts'

/** Reads one value of a configuration, or throws a {@link ConfigError} that names the path. */
export type Field<T> = (value: unknown, path: string) => T

/** A field that may be absent: it is absent then in what is read, too. */
export interface OptionalField<T> {
  readonly optional: Field<T>
}

type Shape = Readonly<Record<string, Field<unknown> | OptionalField<unknown>>>

/** What an object with such fields is read as. */
export type Read<S extends Shape> = {
  readonly [K in keyof S as S[K] extends OptionalField<unknown> ? never : K]: S[K] extends Field<infer T> ? T : never
} & {
  readonly [K in keyof S as S[K] extends OptionalField<unknown> ? K : never]?: S[K] extends OptionalField<infer T>
    ? T
    : never
}

/** Says that a field may be absent. */
export function optional<T>(field: Field<T>): OptionalField<T> {
  return { optional: field }
}

/** An object with these fields and no others. */
export function objectOf<const S extends Shape>(shape: S): Field<Read<S>> {
  return (value, path) => {
    const given = readRecord(value, path)
    const known = Object.keys(shape)
    for (const key of Object.keys(given)) {
      if (known.includes(key)) continue
      throw new ConfigError(join(path, key), `is not known; allowed here: ${known.join(', ')}`)
    }
    const result: Record<string, unknown> = {}
    for (const [key, field] of Object.entries(shape)) {
      const one = given[key]
      if (one !== undefined) result[key] = (typeof field === 'function' ? field : field.optional)(one, join(path, key))
      else if (typeof field === 'function') throw new ConfigError(join(path, key), 'is missing')
    }
    // Every property was made by the field of its name.
    return result as Read<S>
  }
}

/** An object whose keys are names of the user's choice; `key` checks them. */
export function mapOf<T>(field: Field<T>, key?: Field<string>): Field<Readonly<Record<string, T>>> {
  return (value, path) =>
    Object.fromEntries(
      Object.entries(readRecord(value, path)).map(([name, one]) => {
        key?.(name, join(path, name))
        return [name, field(one, join(path, name))]
      }),
    )
}

/** A list; with `min` of at least so many. */
export function listOf<T>(field: Field<T>, options: { readonly min?: number } = {}): Field<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw wrong(path, value, 'a list')
    const { min = 0 } = options
    if (value.length < min) throw new ConfigError(path, `has ${value.length} entries; it needs ${min} at least`)
    return value.map((one: unknown, index) => field(one, `${path}[${index}]`))
  }
}

/** A text that is not empty; `pattern` says what it must look like, `what` names it for the message. */
export function text(options: { readonly pattern?: RegExp; readonly what?: string } = {}): Field<string> {
  const { pattern, what = 'a text that is not empty' } = options
  return (value, path) => {
    if (typeof value !== 'string' || value === '' || pattern?.test(value) === false) throw wrong(path, value, what)
    return value
  }
}

/** A secret: as `text`, but the error never shows it. */
export function secret(): Field<string> {
  return (value, path) => {
    if (typeof value !== 'string' || value === '') throw new ConfigError(path, 'must be a text that is not empty')
    return value
  }
}

/** `true` or `false`. */
export function truth(): Field<boolean> {
  return (value, path) => {
    if (typeof value !== 'boolean') throw wrong(path, value, 'true or false')
    return value
  }
}

/** One of a few words. */
export function oneOf<const W extends string>(words: readonly W[]): Field<W> {
  return (value, path) => {
    const word = words.find((candidate) => candidate === value)
    if (word === undefined) throw wrong(path, value, `one of ${words.map((each) => quote(each)).join(', ')}`)
    return word
  }
}

/** A whole number from `min` to `max`. */
export function integer(options: { readonly min?: number; readonly max?: number } = {}): Field<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options
  return (value, path) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value
    const upper = max === Number.MAX_SAFE_INTEGER ? ` of at least ${min}` : ` from ${min} to ${max}`
    throw wrong(path, value, `a whole number${upper}`)
  }
}

const durations: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A duration such as `"500ms"`, `"90s"`, `"15m"`, `"6h"`, `"30d"`; read as milliseconds. */
export function duration(options: { readonly min?: number } = {}): Field<number> {
  return (value, path) => {
    const found = typeof value === 'string' ? parseDuration(value) : undefined
    if (found === undefined) throw wrong(path, value, 'a duration such as "30s", "15m", "6h" or "30d"')
    const { min = 0 } = options
    if (found < min) throw new ConfigError(path, `is ${quote(String(value))}; it must be ${min} ms at least`)
    return found
  }
}

/** Reads `90s`, `6h` and the like as milliseconds; `undefined` when it is none. */
export function parseDuration(value: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(value) ?? []
  const factor = durations[unit]
  return number === undefined || factor === undefined ? undefined : Math.round(Number(number) * factor)
}

const sizes: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
}

/** A number of bytes: a number, or a text such as `"500MB"` or `"10GiB"`. */
export function bytes(): Field<number> {
  return (value, path) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    const [, number, unit = ''] = /^(\d{1,15}(?:\.\d{1,6})?) ?([A-Za-z]{0,3})$/.exec(String(value)) ?? []
    const factor = sizes[unit]
    if (typeof value !== 'string' || number === undefined || factor === undefined) {
      throw wrong(path, value, 'a number of bytes such as 1048576, "500MB" or "10GiB"')
    }
    return Math.round(Number(number) * factor)
  }
}

/** A URL with one of these schemes; without credentials in it, which would end up in logs. */
export function url(schemes: readonly string[] = ['https', 'http']): Field<string> {
  return (value, path) => {
    const found = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
    if (found === undefined || !schemes.includes(found.protocol.slice(0, -1))) {
      throw wrong(path, value, `a URL that begins with ${schemes.map((each) => `${each}://`).join(' or ')}`)
    }
    if (found.username === '' && found.password === '') return String(value)
    throw new ConfigError(path, 'must not hold a user name or password; there is a field of its own for secrets')
  }
}

function readRecord(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, value, 'an object')
  return value as Readonly<Record<string, unknown>>
}

function join(path: string, key: string): string {
  const shown = /^[A-Za-z_][\w-]*$/.test(key) ? key : quote(key)
  return path === '' ? shown : `${path}.${shown}`
}

function wrong(path: string, value: unknown, allowed: string): ConfigError {
  const shown = value === null ? 'null' : typeof value === 'string' ? quote(withoutPassword(value)) : describe(value)
  return new ConfigError(path, `is ${shown}; it must be ${allowed}`)
}

/** What stands before an @ in an address may be a name and a password, also where none belongs. */
function withoutPassword(text: string): string {
  return text.replace(/[^/\s]*:[^/\s]*@/, '…@')
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'an object'
}
