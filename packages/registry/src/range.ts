/** Part of a blob: `start` to before `end`. */
export interface Part {
  readonly start: number
  readonly end: number
}

/**
 * Reads a `Range` header against a blob's size. `undefined` says that the whole blob is to be sent: there is no header, or
 * one that a server is to ignore (another unit, several ranges, no syntax at all).
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-14.2
 */
export function parseRange(header: string | undefined, size: number): Part | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=(\d{0,30})-(\d{0,30})$/i.exec(header?.trim() ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  // There is no byte to send of an empty blob, but a client that asks for all of it from 0 gets all of it.
  if (size === 0 && first === '0' && last === '') return undefined
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size }
  }
  const start = Number(first)
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  return start >= size || end <= start ? 'unsatisfiable' : { start, end }
}

/** Reads the `Content-Range` of a chunk: `a-b`, both included, as the distribution specification has it, or `bytes a-b/*`. */
export function parseContentRange(header: string): Part | undefined {
  const [, first, last] = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/.exec(header.trim()) ?? []
  if (first === undefined || last === undefined || Number(last) < Number(first)) return undefined
  return { start: Number(first), end: Number(last) + 1 }
}
