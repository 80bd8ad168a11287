import { constants, writeSync } from 'node:fs'
import { chmod, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { FollowedFile, NodeCodec } from '@gantry/codec'
import { ImageError } from '@gantry/image'
import type { PartialBlob, Span } from '@gantry/image'
import { lockFile } from '@gantry/linux/lock-file'
import { digestAlgorithm } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import type { LayoutPaths } from '../layout-paths.ts'
import { systemCode, translateWriteError } from '../store-error.ts'
import type { SyncDirectory } from '../sync-directory.ts'
import { partialFiles } from './partial-files.ts'
import type { PartialFiles } from './partial-files.ts'
import { Growth } from './growth.ts'
import { encodeMap, encodeRecord, readMap } from './partial-map.ts'
import { SpanSet } from './span-set.ts'

/** What a partial blob is made of. */
export interface PartialParts {
  readonly codec: NodeCodec
  readonly paths: LayoutPaths
  readonly syncDirectory: SyncDirectory
  /** Whether the blob is there by now. */
  readonly isThere: () => boolean
}

/** How often it is looked whether another process has let go, in milliseconds. */
const pollEvery = 100
/** A writer from whom nothing came for so long is no longer waited for. */
const mostSilence = 60_000
/** The worker that hashes is told of progress in steps of so many bytes. */
const hashStep = 1024 * 1024

/**
 * Opens what there is of a blob. One writer at a time, also among processes: the others wait until it has let go, or has been
 * silent for a minute.
 *
 * @returns undefined when the blob is there after the waiting, or when the other writer is not worth waiting for
 * @throws {StoreError} STORE_FULL, STORE_UNAVAILABLE
 */
export async function openPartial(
  parts: PartialParts,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<PartialBlob | undefined> {
  const files = partialFiles(parts.paths.ingest, descriptor.digest)
  try {
    const lock = await takeLock(parts, files, signal)
    if (lock === undefined) return undefined
    try {
      if (parts.isThere()) {
        await removeFiles(files)
        lock[Symbol.dispose]()
        return undefined
      }
      return await OpenPartial.open(parts, { files, lock, descriptor })
    } catch (error) {
      lock[Symbol.dispose]()
      throw error
    }
  } catch (error) {
    throw translateWriteError(error, parts.paths.root)
  }
}

async function takeLock(
  parts: PartialParts,
  files: PartialFiles,
  signal: AbortSignal | undefined,
): Promise<Disposable | undefined> {
  for (;;) {
    signal?.throwIfAborted()
    const lock = lockFile(files.lock)
    if (lock !== undefined) return lock
    if (parts.isThere()) return undefined
    const times = await Promise.all([files.map, files.lock].map(modified))
    if (Date.now() - Math.max(...times) > mostSilence) return undefined
    await wait(pollEvery, undefined, signal === undefined ? {} : { signal })
  }
}

async function modified(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? 0
}

async function removeFiles(files: PartialFiles): Promise<void> {
  for (const each of [files.map, files.data, files.lock]) await rm(each, { force: true })
}

interface Opening {
  readonly files: PartialFiles
  readonly lock: Disposable
  readonly descriptor: Descriptor
}

class OpenPartial implements PartialBlob {
  readonly growing: Growth
  readonly #parts: PartialParts
  readonly #opening: Opening
  readonly #data: FileHandle
  #map: FileHandle
  #spans: SpanSet
  #hash: FollowedFile
  #hashed = 0
  #isOpen = true
  readonly #writing = new Set<Promise<void>>()

  private constructor(
    parts: PartialParts,
    opening: Opening,
    opened: { data: FileHandle; map: FileHandle; spans: SpanSet },
  ) {
    this.#parts = parts
    this.#opening = opening
    this.#data = opened.data
    this.#map = opened.map
    this.#spans = opened.spans
    this.growing = new Growth(opening.files.data)
    this.#hash = this.#follow()
    this.#advance()
  }

  static async open(parts: PartialParts, opening: Opening): Promise<OpenPartial> {
    const { files, descriptor } = opening
    const data = await open(files.data, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    try {
      const { size } = await data.stat()
      // A map may tell more than a power failure left in the file.
      const spans = readMap(await readOptional(files.map), Math.min(size, descriptor.size))
      const fresh = `${files.map}.${process.pid}`
      await writeFile(fresh, encodeMap(spans), { mode: 0o600 })
      await rename(fresh, files.map)
      return new OpenPartial(parts, opening, { data, map: await open(files.map, 'a'), spans })
    } catch (error) {
      await data.close()
      throw error
    }
  }

  missing(): readonly Span[] {
    return this.#spans.missing(this.#opening.descriptor.size)
  }

  write(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    const written = this.#write(position, chunks).finally(() => this.#writing.delete(written))
    // The caller waits for it; closing only needs to know that it has ended.
    written.catch(() => undefined)
    this.#writing.add(written)
    return written
  }

  async commit(): Promise<void> {
    const { files, descriptor } = this.#opening
    const { digest, size } = descriptor
    const rest = this.missing()
    if (rest.length > 0) {
      const bytes = rest.reduce((sum, { start, end }) => sum + end - start, 0)
      throw new ImageError('SIZE_MISMATCH', `Cannot store ${digest}: ${bytes} of ${size} bytes are missing`)
    }
    try {
      const synced = this.#data.sync()
      synced.catch(() => undefined)
      const found = await this.#hash.digest(size)
      if (found !== digest) {
        await this.#reset()
        throw new ImageError(
          'DIGEST_MISMATCH',
          `Cannot store ${digest}: the ${size} bytes that came have the digest ${found}`,
        )
      }
      await synced
      const { paths, syncDirectory } = this.#parts
      await mkdir(paths.algorithm(digest), { recursive: true })
      await chmod(files.data, 0o644)
      await rename(files.data, paths.blob(digest))
      await syncDirectory(paths.algorithm(digest))
      await rm(files.map, { force: true })
      await rm(files.lock, { force: true })
    } catch (error) {
      throw translateWriteError(error, this.#parts.paths.root)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await Promise.allSettled(this.#writing)
    await this.#hash[Symbol.asyncDispose]()
    await this.#map.close()
    await this.#data.close()
    this.#opening.lock[Symbol.dispose]()
  }

  async #write(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    if (length === 0) return
    const end = position + length
    if (position < 0 || end > this.#opening.descriptor.size) throw new RangeError(`no bytes ${position} to ${end}`)
    try {
      await writeAll(this.#data, chunks, position)
      // So little is written sooner than it is handed to another thread.
      writeSync(this.#map.fd, encodeRecord(position, end))
    } catch (error) {
      throw translateWriteError(error, this.#parts.paths.root)
    }
    this.#spans.add(position, end)
    this.#advance()
  }

  #advance(): void {
    const { contiguous } = this.#spans
    this.growing.reach(contiguous)
    if (contiguous - this.#hashed < hashStep) return
    this.#hashed = contiguous
    this.#hash.advance(contiguous)
  }

  #follow(): FollowedFile {
    return this.#parts.codec.follow(this.#data.fd, digestAlgorithm(this.#opening.descriptor.digest))
  }

  /** None of it can be trusted: nobody knows which bytes are wrong. */
  async #reset(): Promise<void> {
    this.growing.fail()
    await this.#hash[Symbol.asyncDispose]()
    await this.#map.truncate(0)
    await this.#data.truncate(0)
    this.#spans = new SpanSet()
    this.#hashed = 0
    this.#hash = this.#follow()
  }
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let at = position
  let rest: readonly Uint8Array[] = chunks
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at)
    at += bytesWritten
    rest = dropBytes(rest, bytesWritten)
  }
}

function dropBytes(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count
  let index = 0
  for (const chunk of chunks) {
    if (left < chunk.length) break
    left -= chunk.length
    index += 1
  }
  const [first, ...others] = chunks.slice(index)
  return first === undefined ? [] : left === 0 ? [first, ...others] : [first.subarray(left), ...others]
}

async function readOptional(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return new Uint8Array()
    throw error
  }
}
