import { badRequest } from './api-failure.ts'

/** Reads a switch of a query as Docker does: absent, empty, 0, no, false and none are off. */
export function flag(query: URLSearchParams, name: string, otherwise = false): boolean {
  const text = query.get(name)
  if (text === null) return otherwise
  return !['', '0', 'no', 'false', 'none'].includes(text.trim().toLowerCase())
}

/** Reads a whole number of a query. @throws ApiFailure 400 */
export function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^-?\d{1,15}$/.test(text)) throw badRequest(`invalid ${name}: "${text}" is not a whole number`)
  return Number(text)
}

/** Filters in both of Docker's forms, `{"label":["a=b"]}` and the older `{"label":{"a=b":true}}`.
 * @throws ApiFailure 400 for what is not JSON, and for keys that are not `known`: an ignored filter would choose too much */
export function filters<K extends string>(query: URLSearchParams, known: readonly K[]): Partial<Record<K, string[]>> {
  const text = query.get('filters')
  if (text === null || text === '') return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw badRequest(`invalid filters: ${text.slice(0, 100)}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('invalid filters: not an object')
  const found: Partial<Record<K, string[]>> = {}
  for (const [key, values] of Object.entries(value)) {
    const name = known.find((each) => each === key)
    if (name === undefined) throw badRequest(`invalid filter '${key}'`)
    const list: unknown = Array.isArray(values)
      ? values
      : Object.keys(values as object).filter((each) => (values as Record<string, unknown>)[each] !== false)
    if (!isStrings(list)) throw badRequest(`invalid filter '${key}': its values are not texts`)
    if (list.length > 0) found[name] = list
  }
  return found
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

/** A time of a query, in milliseconds since the epoch: seconds with a fraction, or RFC 3339. @throws ApiFailure 400 */
export function milliseconds(text: string | null): number | undefined {
  const rfc = rfc3339(text)
  return rfc === undefined ? undefined : Date.parse(rfc)
}

/** A time of a query as RFC 3339 in UTC with nanoseconds kept. 0 and an absent one say nothing. @throws ApiFailure 400 */
export function rfc3339(text: string | null): string | undefined {
  if (text === null || text === '' || text === '0') return undefined
  const unix = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text)
  if (unix !== null) {
    const whole = new Date(Number(unix[1]) * 1000).toISOString().slice(0, 19)
    return `${whole}.${(unix[2] ?? '0').padEnd(9, '0')}Z`
  }
  const date = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(date)) throw badRequest(`invalid time "${text}": neither seconds since 1970 nor RFC 3339`)
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? '0'
  return `${new Date(date).toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}Z`
}
