import { open } from 'node:fs/promises'
import { abortable, ImageError, resolveRange, verified } from '@gantry/image'
import type { BlobReader, Hashing, OpenOptions } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'
import { systemCode } from './store-error.ts'

const readSize = 512 * 1024

/** Where a blob's file is. */
export interface BlobFile {
  readonly path: string
  /** What the file is in, for messages: `the content store`. */
  readonly place: string
  readonly codec: Hashing
}

/**
 * Opens the file of a blob, as `BlobSource.open` does.
 *
 * @throws {ImageError} BLOB_UNKNOWN, RANGE_INVALID
 */
export async function openBlobFile(
  descriptor: Descriptor,
  { path, place, codec }: BlobFile,
  options: OpenOptions = {},
): Promise<BlobReader> {
  options.signal?.throwIfAborted()
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
    if (systemCode(error) !== 'ENOENT') throw error
    throw new ImageError('BLOB_UNKNOWN', `Cannot open ${digest}: it is not in ${place}`, { cause: error })
  }
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
