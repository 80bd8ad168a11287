import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { constants, crc32, deflateRaw } from 'node:zlib'
import { coalesce, rechunk } from './rechunk.ts'

const deflate = promisify(deflateRaw)

/** Input is cut into blocks of this size that are compressed in parallel. It is part of what the output bytes depend on. */
const blockSize = 1024 * 1024
/** What deflate may refer back to. */
const windowSize = 32 * 1024
const defaultLevel = 6

// https://www.rfc-editor.org/rfc/rfc1952#section-2.3: no name, no time, no hint of the level, operating system unknown.
const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)
/** A last deflate block with nothing in it. */
const lastBlock = Uint8Array.of(0x03, 0x00)

/**
 * Compresses to one gzip member on the threads of libuv, as many blocks at once as there are cores. The bytes depend on the
 * input and the level only: not on how the input was chunked, on the number of cores, or on the time.
 */
export function gzip(
  body: AsyncIterable<Uint8Array>,
  options: { readonly level?: number } = {},
): AsyncGenerator<Uint8Array> {
  return coalesce(members(body, options.level ?? defaultLevel), 64 * 1024)
}

async function* members(body: AsyncIterable<Uint8Array>, level: number): AsyncGenerator<Uint8Array> {
  yield header
  const parallel = availableParallelism() + 1
  const running: Promise<Buffer>[] = []
  let dictionary: Buffer | undefined
  let crc = 0
  let size = 0
  for await (const block of rechunk(body, blockSize)) {
    crc = crc32(block, crc)
    size += block.length
    const compressed = deflate(block, {
      level,
      ...(dictionary === undefined ? {} : { dictionary }),
      finishFlush: constants.Z_SYNC_FLUSH,
    })
    // It is awaited below, in order; until then a failure must not count as unhandled.
    compressed.catch(() => undefined)
    running.push(compressed)
    dictionary = block.subarray(-windowSize)
    const first = running.length >= parallel ? running.shift() : undefined
    if (first !== undefined) yield await first
  }
  for (const compressed of running) yield await compressed
  yield lastBlock
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc, 0)
  trailer.writeUInt32LE(size % 2 ** 32, 4)
  yield trailer
}
