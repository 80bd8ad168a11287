import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeCodec } from '@gantry/codec'
import { openArchive, plainArchive } from '@gantry/image'
import type { ImageArchive, RandomAccess } from '@gantry/image'
import { readFile } from '../blob-file.ts'
import { StoreError, systemCode, translateWriteError } from '../store-error.ts'

/** How an archive is opened. */
export interface OpenArchiveFileOptions {
  readonly codec: NodeCodec
  /** Where a stream is put, and an archive that is compressed: neither can be read in any order. Default: the system's. */
  readonly temporary?: string
  readonly signal?: AbortSignal
}

/** An archive as a source of images; disposing of it closes its file. */
export interface ArchiveFile extends ImageArchive, AsyncDisposable {}

type File = Awaited<ReturnType<typeof open>>

/**
 * Opens an archive of images, an OCI archive or one of `docker save`, plain or compressed with gzip or zstd, in a file or as a
 * stream. A plain file is read where it is; anything else is first unpacked to a temporary file without a name, so that
 * nothing of it stays, whatever happens.
 *
 * @throws {ImageError} ARCHIVE_INVALID
 */
export async function openArchiveFile(
  from: string | AsyncIterable<Uint8Array>,
  options: OpenArchiveFileOptions,
): Promise<ArchiveFile> {
  await using stack = new AsyncDisposableStack()
  const plain = typeof from === 'string' ? await openPlain(from, options, stack) : await spool(from, options, stack)
  const { codec, signal } = options
  const archive = await openArchive(await randomAccess(plain), { codec, ...(signal === undefined ? {} : { signal }) })
  const kept = stack.move()
  return { ...archive, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function openPlain(path: string, options: OpenArchiveFileOptions, stack: AsyncDisposableStack): Promise<File> {
  const file = stack.use(
    await open(path, 'r').catch((cause: unknown) => {
      throw new StoreError(
        'ARCHIVE_UNAVAILABLE',
        `Cannot open the archive ${JSON.stringify(path)}: ${systemCode(cause) === 'ENOENT' ? 'there is no such file' : String(cause)}`,
        { cause },
      )
    }),
  )
  const found = await file.stat()
  const { body, isCompressed } = await plainArchive(readFile(file, 0, Infinity), options.codec)
  return found.isFile() && !isCompressed ? file : write(body, options, stack)
}

async function spool(
  stream: AsyncIterable<Uint8Array>,
  options: OpenArchiveFileOptions,
  stack: AsyncDisposableStack,
): Promise<File> {
  const { body } = await plainArchive(stream, options.codec)
  return write(body, options, stack)
}

async function write(
  body: AsyncIterable<Uint8Array>,
  { temporary = tmpdir(), signal }: OpenArchiveFileOptions,
  stack: AsyncDisposableStack,
): Promise<File> {
  try {
    const directory = await mkdtemp(join(temporary, 'gantry-archive-'))
    let file: File
    try {
      file = stack.use(await open(join(directory, 'archive.tar'), 'w+', 0o600))
    } finally {
      await rm(directory, { recursive: true })
    }
    for await (const chunk of body) {
      signal?.throwIfAborted()
      await file.writeFile(chunk)
    }
    return file
  } catch (error) {
    throw translateWriteError(error, temporary)
  }
}

async function randomAccess(file: File): Promise<RandomAccess> {
  const { size } = await file.stat()
  return { size, read: (start, end) => readFile(file, start, end) }
}
