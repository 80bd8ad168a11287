import { TarError } from './errors.ts'
import type { SparseSegment } from './header.ts'
import { decodeText } from './text.ts'

/**
 * The records of PAX extended headers that stand before an entry: global ones with the entry's own over them.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_03
 */
export interface PaxRecords {
  readonly values: ReadonlyMap<string, string>
  readonly xattrs: ReadonlyMap<string, Uint8Array>
  /** GNU sparse format 0.0 repeats its keys, so their order counts. */
  readonly segments: readonly SparseSegment[]
}

/** No records. */
export const noRecords: PaxRecords = { values: new Map(), xattrs: new Map(), segments: [] }

const xattrPrefix = 'SCHILY.xattr.'

/**
 * Reads records `<length> <key>=<value>\n` over those given. An empty value takes a record away.
 *
 * @throws {TarError} HEADER_INVALID
 */
export function parsePax(bytes: Uint8Array, base: PaxRecords, offset: number): PaxRecords {
  const values = new Map(base.values)
  const xattrs = new Map(base.xattrs)
  const offsets: number[] = []
  const lengths: number[] = []
  for (let at = 0; at < bytes.length;) {
    const { key, value, next } = parseRecord(bytes, at, offset)
    at = next
    if (key.startsWith(xattrPrefix)) {
      xattrs.set(key.slice(xattrPrefix.length), new Uint8Array(value))
    } else if (key === 'GNU.sparse.offset') offsets.push(parsePaxCount(key, decodeText(value), offset))
    else if (key === 'GNU.sparse.numbytes') lengths.push(parsePaxCount(key, decodeText(value), offset))
    else if (value.length === 0) values.delete(key)
    else values.set(key, text(key, value, offset))
  }
  if (offsets.length !== lengths.length) fail('the sparse map has unequal numbers of offsets and lengths', offset)
  const segments = offsets.map((each, at) => ({ offset: each, length: lengths[at]! }))
  return { values, xattrs, segments }
}

function parseRecord(bytes: Uint8Array, at: number, offset: number): { key: string; value: Uint8Array; next: number } {
  let length = 0
  let cursor = at
  for (; cursor < bytes.length && bytes[cursor] !== 0x20; cursor++) {
    const digit = bytes[cursor]! - 0x30
    if (digit < 0 || digit > 9 || cursor - at > 9) fail('a PAX record does not begin with its length', offset)
    length = length * 10 + digit
  }
  const next = at + length
  if (next > bytes.length || next <= cursor + 1 || bytes[next - 1] !== 0x0a) {
    fail(`a PAX record of ${length} bytes does not end where it says`, offset)
  }
  const equals = bytes.indexOf(0x3d, cursor)
  if (equals < 0 || equals >= next || equals === cursor + 1) fail('a PAX record has no key', offset)
  return { key: decodeText(bytes.subarray(cursor + 1, equals)), value: bytes.subarray(equals + 1, next - 1), next }
}

const texts = new Set(['path', 'linkpath', 'uname', 'gname', 'GNU.sparse.name'])

function text(key: string, value: Uint8Array, offset: number): string {
  if (texts.has(key) && value.includes(0)) fail(`the PAX record ${key} contains a NUL`, offset)
  return decodeText(value)
}

/** Reads a record's value as a whole number of 0 or more. */
export function parsePaxCount(key: string, value: string, offset: number): number {
  const parsed = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
  return Number.isSafeInteger(parsed) ? parsed : fail(`the PAX record ${key} is not a whole number`, offset)
}

/** Reads a record's value as seconds, which may have a sign and a fraction. */
export function parsePaxTime(key: string, value: string, offset: number): number {
  return /^-?\d{1,15}(?:\.\d{0,30})?$/.test(value) ? Number(value) : fail(`the PAX record ${key} is not a time`, offset)
}

function fail(problem: string, offset: number): never {
  throw new TarError('HEADER_INVALID', `Cannot read the tar header at byte ${offset}: ${problem}`, { offset })
}
