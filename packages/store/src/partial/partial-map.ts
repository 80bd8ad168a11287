import { crc32 } from 'node:zlib'
import { SpanSet } from './span-set.ts'

/*
 * The map of a partial blob is a journal: a record is added after its bytes were written, and nothing is ever changed. All numbers
 * are little-endian.
 *
 *   0        8       16      20
 *   +--------+--------+-------+
 *   | start  | end    | CRC32 |   of the sixteen bytes before it
 *   +--------+--------+-------+
 *
 * A record that was torn, or that leads beyond the blob, ends the map: what was written after it is fetched again.
 */
const recordSize = 20
/** A map that was written with a record for every byte is not read for ever. */
const mostRecords = 1_000_000

/** One record of a map. */
export function encodeRecord(start: number, end: number): Uint8Array {
  const record = new Uint8Array(recordSize)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(start), true)
  view.setBigUint64(8, BigInt(end), true)
  view.setUint32(16, crc32(record.subarray(0, 16)), true)
  return record
}

/** Reads a map as far as it can be trusted. */
export function readMap(bytes: Uint8Array, size: number): SpanSet {
  const spans = new SpanSet()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = Math.min(Math.floor(bytes.length / recordSize), mostRecords)
  for (let position = 0; position < count * recordSize; position += recordSize) {
    const start = Number(view.getBigUint64(position, true))
    const end = Number(view.getBigUint64(position + 8, true))
    const isWhole = crc32(bytes.subarray(position, position + 16)) === view.getUint32(position + 16, true)
    if (!isWhole || start >= end || end > size) break
    spans.add(start, end)
  }
  return spans
}

/** A map that says the same in as few records as possible. */
export function encodeMap(spans: SpanSet): Uint8Array {
  return Buffer.concat(spans.spans.map(({ start, end }) => encodeRecord(start, end)))
}
