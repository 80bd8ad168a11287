import { TarError } from './errors.ts'
import type { SparseSegment } from './header.ts'
import { parseNumeric } from './numeric.ts'
import { parsePaxCount, type PaxRecords } from './pax.ts'

/** Where the stored bytes of a sparse file belong. */
export interface SparseMap {
  readonly size: number
  readonly segments: readonly SparseSegment[]
}

/** What one block of GNU's old sparse format adds to the map, and whether another block follows. */
export function readOldSparse(
  block: Uint8Array,
  where: 'header' | 'extension',
  offset: number,
): { segments: readonly SparseSegment[]; more: boolean } {
  const [start, slots, flag] = where === 'header' ? [386, 4, 482] : [0, 21, 504]
  const segments: SparseSegment[] = []
  for (let slot = 0; slot < slots && block[start + slot * 24] !== 0; slot++) {
    const at = start + slot * 24
    segments.push({ offset: field(block, at, offset), length: field(block, at + 12, offset) })
  }
  return { segments, more: block[flag] !== 0 }
}

/** The size of a file of GNU's old sparse format. */
export function readOldSparseSize(block: Uint8Array, offset: number): number {
  return field(block, 483, offset)
}

function field(block: Uint8Array, at: number, offset: number): number {
  const value = parseNumeric(block, at, 12)
  return value !== undefined && value >= 0 ? value : fail('HEADER_INVALID', 'its sparse map is not of numbers', offset)
}

/** The map that PAX records of formats 0.0 and 0.1 hold; undefined when they describe no sparse file. */
export function paxSparse(records: PaxRecords, offset: number): SparseMap | undefined {
  const size = records.values.get('GNU.sparse.size')
  if (size === undefined) return undefined
  const map = records.values.get('GNU.sparse.map')
  return {
    size: parsePaxCount('GNU.sparse.size', size, offset),
    segments: map === undefined ? records.segments : parseNumbers(map.split(','), offset),
  }
}

function parseNumbers(texts: readonly string[], offset: number): readonly SparseSegment[] {
  if (texts.length % 2 !== 0) fail('HEADER_INVALID', 'its sparse map has an offset without a length', offset)
  const segments: SparseSegment[] = []
  for (let at = 0; at < texts.length; at += 2) {
    segments.push({
      offset: parsePaxCount('GNU.sparse.map', texts[at]!, offset),
      length: parsePaxCount('GNU.sparse.map', texts[at + 1]!, offset),
    })
  }
  return segments
}

/**
 * The map of format 1.0, which stands before the data: decimal lines (their count, then offset and length of each),
 * filled up to a whole block. Fed block by block, it answers when it is complete.
 */
export class SparseMapReader {
  readonly #offset: number
  readonly #limit: number
  readonly #numbers: string[] = []
  #wanted: number | undefined
  #partial = ''

  constructor(options: { offset: number; limit: number }) {
    this.#offset = options.offset
    this.#limit = options.limit
  }

  push(block: Uint8Array): readonly SparseSegment[] | undefined {
    const lines = (this.#partial + String.fromCharCode(...block)).split('\n')
    this.#partial = lines.pop()!
    for (const line of lines) {
      if (this.#wanted === undefined) {
        const count = parsePaxCount('sparse map', line, this.#offset)
        checkLimit(count, this.#limit, this.#offset)
        this.#wanted = 2 * count
      } else this.#numbers.push(line)
      if (this.#numbers.length === this.#wanted) return parseNumbers(this.#numbers, this.#offset)
    }
    if (this.#partial.length > 16) fail('HEADER_INVALID', 'its sparse map is not of numbers', this.#offset)
    return undefined
  }
}

/** Refuses a map of more segments than `limit`. */
export function checkLimit(count: number, limit: number, offset: number): void {
  if (count > limit) fail('LIMIT', `its sparse map has more than ${limit} segments`, offset)
}

/**
 * Checks that the segments ascend within the file, and that they are as long as what is stored.
 *
 * @throws {TarError} HEADER_INVALID
 */
export function checkSparse({ size, segments }: SparseMap, stored: number, offset: number): void {
  let end = 0
  let total = 0
  for (const segment of segments) {
    if (segment.offset < end) fail('HEADER_INVALID', 'its sparse segments overlap', offset)
    end = segment.offset + segment.length
    total += segment.length
  }
  if (end > size) fail('HEADER_INVALID', `its sparse segments end at ${end}, after the file's ${size} bytes`, offset)
  if (total !== stored) fail('HEADER_INVALID', `its sparse map has ${total} bytes, and ${stored} are stored`, offset)
}

function fail(code: 'HEADER_INVALID' | 'LIMIT', problem: string, offset: number): never {
  throw new TarError(code, `Cannot read the tar header at byte ${offset}: ${problem}`, { offset })
}
