/** Prints a value as Go's `%v` would: maps as `map[a:1]`, lists as `[a b]`, null as `<nil>`, an absent one as `<no value>`. */
export function printValue(value: unknown): string {
  if (value === undefined) return '<no value>'
  if (value === null) return '<nil>'
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return `[${value.map(printValue).join(' ')}]`
  if (typeof value === 'object') {
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
    return `map[${entries.map(([key, item]) => `${key}:${printValue(item)}`).join(' ')}]`
  }
  return typeof value === 'function' ? '<function>' : JSON.stringify(value)
}

/** What `if`, `and`, `or` and `not` take for true: everything but absence, zero, and empty texts, lists and maps. */
export function isTruth(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return Boolean(value)
}

type Function = (...args: readonly unknown[]) => unknown

/**
 * The functions a template may call: those of text/template, and the ones docker adds (json, join, split, lower, upper,
 * title, pad, truncate). Each throws an Error with a sentence when its arguments do not fit.
 */
export const functions: Readonly<Record<string, Function>> = {
  json: (value) => JSON.stringify(value ?? null),
  print: (...values) => values.map(printValue).join(' '),
  println: (...values) => `${values.map(printValue).join(' ')}\n`,
  printf: (format, ...values) => formatText(text(format), values),
  len: (value) => lengthOf(value),
  index: (value, ...keys) => keys.reduce(indexOf, value),
  slice: (value, from = 0, to = lengthOf(value)) => {
    if (typeof value !== 'string' && !Array.isArray(value)) throw new Error('slice wants a text or a list')
    return value.slice(Number(from), Number(to))
  },
  eq: (first, ...others) => others.some((other) => first === other),
  ne: (a, b) => a !== b,
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  not: (value) => !isTruth(value),
  join: (values, separator) => list(values).map(printValue).join(text(separator)),
  split: (value, separator) => text(value).split(text(separator)),
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  title: (value) => text(value).replace(/(^|\s)\p{L}/gu, (letter) => letter.toUpperCase()),
  pad: (value, before, after) => ' '.repeat(Number(before)) + text(value) + ' '.repeat(Number(after)),
  truncate: (value, length) => text(value).slice(0, Number(length)),
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`wants a text, and got ${printValue(value)}`)
  return value
}

function list(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return []
  if (!Array.isArray(value)) throw new Error(`wants a list, and got ${printValue(value)}`)
  return value
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length
  if (typeof value === 'object' && value !== null) return Object.keys(value).length
  throw new Error(`len of ${printValue(value)}`)
}

function indexOf(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) {
    const at = Number(key)
    if (!Number.isInteger(at) || at < 0 || at >= value.length)
      throw new Error(`index out of range: ${printValue(key)} of ${value.length}`)
    return value[at]
  }
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).find(([name]) => name === String(key))?.[1]
  throw new Error(`cannot index ${printValue(value)}`)
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  throw new Error(`cannot compare ${printValue(a)} with ${printValue(b)}`)
}

function formatText(format: string, values: readonly unknown[]): string {
  let at = 0
  return format.replace(
    /%([-+0 #]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g,
    (_whole, flags: string, width: string, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%'
      if (at >= values.length) return `%!${verb}(MISSING)`
      const value = values[at]
      at += 1
      const shown = formatOne(value, verb, precision)
      if (shown === undefined) return `%!${verb}(${printValue(value)})`
      if (flags.includes('-')) return shown.padEnd(Number(width))
      return shown.padStart(Number(width), flags.includes('0') && verb !== 's' ? '0' : ' ')
    },
  )
}

function formatOne(value: unknown, verb: string, precision: string | undefined): string | undefined {
  const shown = printValue(value)
  switch (verb) {
    case 'v':
      return shown
    case 's':
      return precision === undefined ? shown : shown.slice(0, Number(precision))
    case 'q':
      return JSON.stringify(shown)
    case 't':
      return typeof value === 'boolean' ? shown : undefined
    case 'd':
      return typeof value === 'number' ? String(Math.trunc(value)) : undefined
    case 'x':
      return typeof value === 'number'
        ? value.toString(16)
        : typeof value === 'string'
          ? Buffer.from(value).toString('hex')
          : undefined
    case 'f':
      return typeof value === 'number' ? value.toFixed(Number(precision ?? 6)) : undefined
    default:
      return undefined
  }
}
