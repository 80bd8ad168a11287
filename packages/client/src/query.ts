/** Filters of a listing: keys must all hold, of a key's values one. */
export type Filters = Readonly<Record<string, readonly string[]>>

/** Writes a query string; absent values are left out, `true` is 1, `false` is 0. */
export function query(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  let text = ''
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue
    const plain = typeof value === 'boolean' ? (value ? '1' : '0') : String(value)
    text += `${text === '' ? '?' : '&'}${key}=${encodeURIComponent(plain)}`
  }
  return text
}

/** Writes filters as the API takes them. */
export function filtersText(filters: Filters | undefined): string | undefined {
  return filters === undefined ? undefined : JSON.stringify(filters)
}
