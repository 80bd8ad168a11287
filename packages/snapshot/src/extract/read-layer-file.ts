import { closeSync, openSync, readSync } from 'node:fs'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { releaseChunk } from '@gantry/codec/release-chunk'

const chunkBytes = 512 * 1024

/** A file that is read while it grows. */
export interface GrowingSource {
  readonly path: string
  /** Where it is when it is whole. */
  readonly whole: string
  readonly size: number
  /** Waits until there are more than `position` bytes; answers with how many. */
  readonly reach: (position: number) => Promise<number>
}

/**
 * The uncompressed bytes of a layer's blob, with memory for a few chunks, whatever its size. A chunk is the reader's until it asks
 * for the next one: then its memory is used again. Reading blocks; decompressing goes on on another thread while the reader works.
 *
 * @param onRead told how many bytes of the file have been read
 * @throws errors of Node with codes `Z_…`, `ZSTD_…` and `ERR_ZLIB…` for a damaged stream
 */
export async function* readLayerFile(
  source: string | GrowingSource,
  compression: 'none' | 'gzip' | 'zstd',
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const fd = typeof source === 'string' ? openSync(source, 'r') : openEither(source)
  try {
    const file = typeof source === 'string' ? readFile(fd, onRead) : readGrowing(fd, source, onRead)
    if (compression === 'none') yield* file
    else yield* decompressed(file, compression)
  } finally {
    closeSync(fd)
  }
}

/** Each chunk is the same memory. */
function* readFile(fd: number, onRead: (bytes: number) => void): Generator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(chunkBytes)
  for (let position = 0; ;) {
    const length = readSync(fd, buffer, 0, chunkBytes, position)
    if (length === 0) return
    position += length
    yield buffer.subarray(0, length)
    onRead(position)
  }
}

function openEither({ path, whole }: GrowingSource): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    return openSync(whole, 'r')
  }
}

/** As `readFile`, as far as there is something to read. */
async function* readGrowing(
  fd: number,
  { size, reach }: GrowingSource,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(chunkBytes)
  let grown = 0
  for (let position = 0; position < size;) {
    if (position >= grown) grown = await reach(position)
    const length = readSync(fd, buffer, 0, Math.min(chunkBytes, grown - position), position)
    if (length === 0) return
    position += length
    yield buffer.subarray(0, length)
    onRead(position)
  }
}

async function* decompressed(
  file: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  kind: 'gzip' | 'zstd',
): AsyncGenerator<Uint8Array> {
  const options = { chunkSize: chunkBytes }
  const stream = kind === 'gzip' ? createGunzip(options) : createZstdDecompress(options)
  const feed = async (): Promise<void> => {
    for await (const chunk of file) {
      await new Promise<void>((resolve, reject) => {
        stream.write(chunk, (error) => (error instanceof Error ? reject(error) : resolve()))
      })
      // Nobody reads on, and the file may be closed.
      if (stream.destroyed) return
    }
    stream.end()
  }
  const fed = feed()
  // What is wrong with the stream is thrown where it is read, and so is what is wrong with the file; a write may never be answered.
  fed.catch((error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))))
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array<ArrayBuffer>>) {
      yield chunk
      releaseChunk(chunk)
    }
    await fed
  } finally {
    stream.destroy()
  }
}
