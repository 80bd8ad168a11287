import { ByteQueue } from './byte-queue.ts'
import { TarError } from './errors.ts'
import { blockBytes, type TarHeader } from './header.ts'
import { mergeHeader, type LongNames } from './merge-header.ts'
import { noRecords, parsePax, parsePaxCount, type PaxRecords } from './pax.ts'
import { isZeroBlock, parseRawHeader, type RawHeader } from './raw-header.ts'
import {
  checkLimit,
  checkSparse,
  paxSparse,
  readOldSparse,
  readOldSparseSize,
  SparseMapReader,
  type SparseMap,
} from './sparse.ts'
import { decodeText } from './text.ts'

/** Bounds of what an archive may ask for. */
export interface TarReaderOptions {
  /** Bytes of PAX records and long names before one entry, and of global PAX records; 1 MiB by default. */
  readonly maxHeaderBytes?: number
  /** Segments of one sparse file; 65,536 by default. */
  readonly maxSparseSegments?: number
}

/**
 * What is in an archive, in order. An entry is followed by its bytes, `data` and `hole` (zeros that are not stored)
 * together as long as its size, and by `end`. The data are views of what was pushed.
 */
export type TarEvent =
  | { readonly kind: 'entry'; readonly header: TarHeader }
  | { readonly kind: 'data'; readonly data: Uint8Array }
  | { readonly kind: 'hole'; readonly length: number }
  | { readonly kind: 'end' }

type State = 'header' | 'special' | 'old-sparse' | 'sparse-map' | 'body' | 'padding' | 'archive-end'

const endEvent: TarEvent = { kind: 'end' }

/**
 * Reads an archive without waiting: push a chunk, then `read` until it answers undefined, push the next; `finish` at
 * the end. For workers and other hot paths; elsewhere `readTar` is simpler. It reads ustar, V7, star, PAX, GNU long
 * names, base-256 numbers and all sparse formats. Memory is bounded by the options, whatever the archive says.
 */
export class TarReader {
  readonly #maxHeaderBytes: number
  readonly #maxSparseSegments: number
  readonly #bytes = new ByteQueue()
  #state: State = 'header'
  #offset = 0
  #zeroBlockSeen = false

  #globals: PaxRecords = noRecords
  #records: PaxRecords | undefined
  #names: LongNames = {}
  #special: { readonly type: string; readonly size: number } | undefined
  #specialBytes = 0
  #globalBytes = 0
  #raw: RawHeader | undefined

  #mapReader: SparseMapReader | undefined
  #map: { size: number; segments: { offset: number; length: number }[] } = { size: 0, segments: [] }
  #header: TarHeader | undefined
  #segment = 0
  #logical = 0
  #stored = 0
  #padding = 0

  constructor(options: TarReaderOptions = {}) {
    this.#maxHeaderBytes = options.maxHeaderBytes ?? 1024 * 1024
    this.#maxSparseSegments = options.maxSparseSegments ?? 65_536
  }

  /** Hands in the next bytes; only when `read` has answered undefined. They must not change until then. */
  push(chunk: Uint8Array): void {
    this.#bytes.push(chunk)
  }

  /**
   * The next event, or undefined when more bytes are needed (or the archive has ended: what follows it is dropped).
   *
   * @throws {TarError} HEADER_INVALID, CHECKSUM_MISMATCH, UNSUPPORTED, LIMIT
   */
  read(): TarEvent | undefined {
    for (;;) {
      if (this.#state === 'body') {
        const event = this.#readBody()
        if (event !== 'again') return event
      } else if (this.#state === 'padding') {
        if (!this.#skipPadding()) return undefined
      } else if (this.#state === 'archive-end') {
        while (this.#bytes.takeSome(Number.MAX_SAFE_INTEGER) !== undefined);
        return undefined
      } else {
        const event = this.#readMeta()
        if (event !== 'again') return event
      }
    }
  }

  /**
   * Says that there are no more bytes.
   *
   * @throws {TarError} TRUNCATED: the archive is not at its end, nor between two entries
   */
  finish(): void {
    const between = this.#state === 'header' && this.#records === undefined && this.#bytes.pending === 0
    // Without the padding after the last body is how umoci ends a layer that it inserts, and Go reads it.
    if (
      this.#state === 'archive-end' ||
      this.#state === 'padding' ||
      (between && Object.keys(this.#names).length === 0)
    )
      return
    const path = this.#header === undefined ? '' : ` within ${JSON.stringify(this.#header.path)}`
    throw this.#error('TRUNCATED', `the archive ends at byte ${this.#bytes.position}${path}`)
  }

  #readMeta(): TarEvent | undefined | 'again' {
    const special = this.#state === 'special' ? this.#special : undefined
    const block = this.#bytes.take(special === undefined ? blockBytes : special.size + paddingOf(special.size))
    if (block === undefined) return undefined
    if (special !== undefined) return this.#onSpecial(special.type, block.subarray(0, special.size))
    if (this.#state === 'old-sparse') return this.#onOldSparse(block)
    if (this.#state === 'sparse-map') return this.#onSparseMap(block)
    return this.#onHeader(block)
  }

  #onHeader(block: Uint8Array): TarEvent | 'again' {
    const start = this.#bytes.position - blockBytes
    if (isZeroBlock(block)) {
      if (this.#zeroBlockSeen) this.#state = 'archive-end'
      this.#zeroBlockSeen = true
      return 'again'
    }
    this.#offset = start
    if (this.#zeroBlockSeen) throw this.#error('HEADER_INVALID', 'one block of zeros, not two, stands before it')
    const raw = parseRawHeader(block, start)
    if ('xXgLK'.includes(raw.type)) return this.#startSpecial(raw)
    this.#raw = raw
    if (raw.type === 'S') {
      this.#map = { size: readOldSparseSize(block, start), segments: [] }
      return this.#addOldSparse(block, 'header')
    }
    return this.#startEntry(raw)
  }

  #startSpecial({ type, size }: RawHeader): 'again' {
    const total = size + (type === 'g' ? this.#globalBytes : this.#specialBytes)
    if (total > this.#maxHeaderBytes) {
      throw this.#error(
        'LIMIT',
        `it has ${total} bytes of extended header, and at most ${this.#maxHeaderBytes} are read`,
      )
    }
    if (type === 'g') this.#globalBytes = total
    else this.#specialBytes = total
    this.#special = { type, size }
    this.#state = 'special'
    return 'again'
  }

  #onSpecial(type: string, data: Uint8Array): 'again' {
    this.#state = 'header'
    this.#special = undefined
    if (type === 'g') this.#globals = parsePax(data, this.#globals, this.#offset)
    else if (type === 'L') this.#names = { ...this.#names, path: longName(data) }
    else if (type === 'K') this.#names = { ...this.#names, linkPath: longName(data) }
    else this.#records = parsePax(data, this.#records ?? this.#globals, this.#offset)
    return 'again'
  }

  #onOldSparse(block: Uint8Array): TarEvent | 'again' {
    return this.#addOldSparse(block, 'extension')
  }

  #addOldSparse(block: Uint8Array, where: 'header' | 'extension'): TarEvent | 'again' {
    const { segments, more } = readOldSparse(block, where, this.#offset)
    this.#map.segments.push(...segments)
    checkLimit(this.#map.segments.length, this.#maxSparseSegments, this.#offset)
    if (more) {
      this.#state = 'old-sparse'
      return 'again'
    }
    return this.#startEntry(this.#raw!, this.#map)
  }

  #startEntry(raw: RawHeader, map?: SparseMap): TarEvent | 'again' {
    const records = this.#records ?? this.#globals
    const header = mergeHeader(raw, records, this.#names, this.#offset)
    this.#records = undefined
    this.#names = {}
    this.#specialBytes = 0
    this.#stored = header.size
    this.#padding = paddingOf(header.size)
    if (header.type !== 'file') return this.#open(header)
    if (records.values.get('GNU.sparse.major') === '1' && records.values.get('GNU.sparse.minor') === '0') {
      this.#header = header
      const size = records.values.get('GNU.sparse.realsize') ?? records.values.get('GNU.sparse.size') ?? ''
      this.#map = { size: parsePaxCount('GNU.sparse.realsize', size, this.#offset), segments: [] }
      this.#mapReader = new SparseMapReader({ offset: this.#offset, limit: this.#maxSparseSegments })
      this.#state = 'sparse-map'
      return 'again'
    }
    return this.#open(header, map ?? paxSparse(records, this.#offset))
  }

  #onSparseMap(block: Uint8Array): TarEvent | 'again' {
    this.#stored -= blockBytes
    if (this.#stored < 0) throw this.#error('HEADER_INVALID', 'its sparse map is longer than its body')
    const segments = this.#mapReader!.push(block)
    return segments === undefined ? 'again' : this.#open(this.#header!, { size: this.#map.size, segments })
  }

  #open(header: TarHeader, map?: SparseMap): TarEvent {
    if (map !== undefined) {
      checkLimit(map.segments.length, this.#maxSparseSegments, this.#offset)
      checkSparse(map, this.#stored, this.#offset)
    }
    this.#header = map === undefined ? header : { ...header, size: map.size, sparse: map.segments }
    this.#segment = 0
    this.#logical = 0
    this.#state = 'body'
    return { kind: 'entry', header: this.#header }
  }

  #readBody(): TarEvent | undefined | 'again' {
    const header = this.#header!
    if (this.#logical === header.size) {
      this.#state = 'padding'
      return endEvent
    }
    let most = header.size - this.#logical
    if (header.sparse !== undefined) {
      while (this.#segment < header.sparse.length && segmentEnd(header, this.#segment) <= this.#logical) this.#segment++
      const segment = header.sparse[this.#segment]
      const start = segment?.offset ?? header.size
      if (start > this.#logical) {
        const length = start - this.#logical
        this.#logical = start
        return { kind: 'hole', length }
      }
      most = segmentEnd(header, this.#segment) - this.#logical
    }
    const data = this.#bytes.takeSome(most)
    if (data === undefined) return undefined
    this.#logical += data.length
    return { kind: 'data', data }
  }

  #skipPadding(): boolean {
    while (this.#padding > 0) {
      const skipped = this.#bytes.takeSome(this.#padding)
      if (skipped === undefined) return false
      this.#padding -= skipped.length
    }
    this.#header = undefined
    this.#state = 'header'
    return true
  }

  #error(code: 'TRUNCATED' | 'HEADER_INVALID' | 'LIMIT', problem: string): TarError {
    const offset = this.#offset
    return new TarError(code, `Cannot read the tar entry at byte ${offset}: ${problem}`, { offset })
  }
}

function segmentEnd(header: TarHeader, segment: number): number {
  const { offset, length } = header.sparse![segment]!
  return offset + length
}

function longName(data: Uint8Array): string {
  const end = data.indexOf(0)
  return decodeText(end < 0 ? data : data.subarray(0, end))
}

function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes
}
