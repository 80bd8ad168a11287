import type { Descriptor } from '@gantry/oci'
import type { BlobReader, ByteRange } from './blob.ts'
import type { Hashing } from './codec.ts'
import { ImageError } from './errors.ts'

const chunkBytes = 256 * 1024

/** Describes content that is at hand, by its sha256. */
export async function describeBytes(bytes: Uint8Array, mediaType: string, codec: Hashing): Promise<Descriptor> {
  const hasher = codec.hasher('sha256')
  await hasher.update(bytes)
  return { mediaType, digest: await hasher.digest(), size: bytes.length }
}

/** Reads a stream of at most `limit` bytes into one array; undefined when there is more. */
export async function collect(body: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > limit) return undefined
    chunks.push(chunk)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/**
 * Bounds of the part of a blob that a range asks for.
 *
 * @throws {ImageError} RANGE_INVALID: it does not begin within the blob, or ends before it begins
 */
export function resolveRange(size: number, range: ByteRange | undefined): { start: number; end: number } {
  const { start, end = size } = range ?? { start: 0 }
  const whole = Number.isSafeInteger(start) && Number.isSafeInteger(end)
  if (!whole || start < 0 || start > size || end < start) {
    throw new ImageError('RANGE_INVALID', `Cannot read bytes ${start} to ${end} of a blob of ${size} bytes`)
  }
  return { start, end: Math.min(end, size) }
}

/** A reader of bytes in memory. The chunks are views of the array. */
export function readerOf(bytes: Uint8Array, signal?: AbortSignal): BlobReader {
  return {
    size: bytes.length,
    async *[Symbol.asyncIterator]() {
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        signal?.throwIfAborted()
        yield bytes.subarray(at, at + chunkBytes)
      }
    },
    async [Symbol.asyncDispose]() {},
  }
}
