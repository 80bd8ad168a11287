import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { digestOf } from '@gantry/codec'
import { abortable, ImageError, readerOf, resolveRange, verified } from '@gantry/image'
import type { BlobReader, Hashing, OpenOptions } from '@gantry/image'
import { digestAlgorithm } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { systemCode } from './store-error.ts'

const readSize = 512 * 1024
/** What is no larger takes less time to read than to hand to another thread, four times: to open, stat, read and close. */
const smallSize = 64 * 1024

/** Where a blob's file is. */
export interface BlobFile {
  readonly path: string
  /** What the file is in, for messages: `the content store`. */
  readonly place: string
  readonly codec: Hashing
  /** That it is a plain file, written by us, so that this thread may wait for it: small ones are read at once. */
  readonly isOurs?: boolean
}

/**
 * Opens the file of a blob, as `BlobSource.open` does.
 *
 * @throws {ImageError} BLOB_UNKNOWN, RANGE_INVALID
 */
export async function openBlobFile(
  descriptor: Descriptor,
  { path, place, codec, isOurs = false }: BlobFile,
  options: OpenOptions = {},
): Promise<BlobReader> {
  options.signal?.throwIfAborted()
  if (isOurs && descriptor.size <= smallSize && options.range === undefined) {
    const bytes = readSmall(descriptor, path, place)
    if (bytes !== undefined) {
      const reader = readerOf(bytes, options.signal)
      if (options.verify === false || isWhole(bytes, descriptor)) return reader
      // What is wrong shows as it does with large ones.
      const body = verified(reader, descriptor, codec)
      return { ...reader, [Symbol.asyncIterator]: () => body }
    }
  }
  const file = await openFile(descriptor, path, place)
  try {
    const { size } = await file.stat()
    const { start, end } = resolveRange(size, options.range)
    const raw = readFile(file, start, end)
    const isChecked = start === 0 && end === size && options.verify !== false
    const body = isChecked ? verified(raw, descriptor, codec) : raw
    return readerOfFile(file, abortable(body, options.signal), end - start)
  } catch (error) {
    await file.close()
    throw error
  }
}

type File = Awaited<ReturnType<typeof open>>

async function openFile({ digest }: Descriptor, path: string, place: string): Promise<File> {
  try {
    return await open(path, 'r')
  } catch (error) {
    throw missing(error, digest, place)
  }
}

/** The bytes of a file that is as small as its descriptor says; undefined when it is not. */
function readSmall({ digest }: Descriptor, path: string, place: string): Uint8Array | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    throw missing(error, digest, place)
  }
  try {
    const { size } = fstatSync(file)
    if (size > smallSize) return undefined
    const bytes = Buffer.allocUnsafeSlow(size)
    let end = 0
    for (let read = -1; end < size && read !== 0; end += read) read = readSync(file, bytes, end, size - end, end)
    return bytes.subarray(0, end)
  } finally {
    closeSync(file)
  }
}

function isWhole(bytes: Uint8Array, { digest, size }: Descriptor): boolean {
  return bytes.length === size && digestOf(bytes, digestAlgorithm(digest)) === digest
}

function missing(error: unknown, digest: Descriptor['digest'], place: string): unknown {
  if (systemCode(error) !== 'ENOENT') return error
  return new ImageError('BLOB_UNKNOWN', `Cannot open ${digest}: it is not in ${place}`, { cause: error })
}

/** Reads part of a file, with a fresh buffer for each chunk: who reads may keep it. Ends early where the file does. */
export async function* readFile(file: File, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let position = start; position < end;) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(readSize, end - position))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

function readerOfFile(file: File, body: AsyncIterable<Uint8Array>, size: number): BlobReader {
  return {
    size,
    async *[Symbol.asyncIterator]() {
      try {
        yield* body
      } finally {
        await file.close()
      }
    },
    [Symbol.asyncDispose]: () => file.close(),
  }
}
