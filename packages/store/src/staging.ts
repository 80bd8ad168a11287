import { chmodSync, renameSync } from 'node:fs'
import { mkdir, open, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { NodeCodec, StagedFile } from '@gantry/codec'
import { ImageError } from '@gantry/image'
import { digestAlgorithm } from '@gantry/oci'
import type { Digest, DigestAlgorithm } from '@gantry/oci'
import type { LayoutPaths } from './layout-paths.ts'
import { systemCode, translateWriteError } from './store-error.ts'
import type { SyncDirectory } from './sync-directory.ts'

/** What a blob must be to be committed. What is absent is not checked. */
export interface Expected {
  readonly digest?: Digest
  readonly size?: number
}

/**
 * A blob on its way into the store. Calls are made one at a time, each awaited. Disposing of it before `commit` removes what was
 * written, unless it was opened with a key: then it can be opened again, by another process too, and goes on where it was.
 */
export interface Staging extends AsyncDisposable {
  /** Bytes taken so far. */
  readonly size: number
  /** How many of them are in the file; `flush` waits for the rest. */
  readonly landed: number
  /** Takes a chunk (copied). Returns a promise when the caller must wait. */
  write(chunk: Uint8Array): void | Promise<void>
  /** Resolves when everything taken is in the file and would survive the death of this process. */
  flush(): Promise<void>
  /** Whether everything taken has the digest, which `commit` asks once more. @throws {ImageError} DIGEST_MISMATCH */
  verify(digest: Digest): Promise<void>
  /**
   * Makes it a blob: verified, on the disk, visible at once as a whole. Idempotent in its effect: a blob that exists stays.
   *
   * @throws {ImageError} DIGEST_MISMATCH, SIZE_MISMATCH; nothing is added, and a staging with a key is kept
   * @throws {StoreError} STORE_FULL
   */
  commit(expected?: Expected): Promise<{ readonly digest: Digest; readonly size: number }>
  /** Removes what was written. */
  discard(): Promise<void>
  /**
   * Reads what was flushed, while more comes; fewer bytes at the end of that. Once called, it can be called after `commit` and
   * `discard` too, until the staging is disposed of.
   */
  read(position: number, length: number): Promise<Uint8Array>
}

/** What is staged under a key. */
export interface StagedKey {
  readonly key: string
  readonly size: number
  /** When it was last written to, in milliseconds. */
  readonly used: number
}

/** What a staging is made of. */
export interface StagingParts {
  readonly codec: NodeCodec
  readonly paths: LayoutPaths
  readonly syncDirectory: SyncDirectory
}

/** How a staging is opened. */
export interface OpenStagingOptions {
  /** The staging file. */
  readonly path: string
  /** Whether it outlives its disposal. */
  readonly keep: boolean
  /** What it will most likely be committed as. */
  readonly algorithm: DigestAlgorithm
}

/** Opens a staging file, at its end when it is there. */
export async function openStaging(parts: StagingParts, options: OpenStagingOptions): Promise<Staging> {
  const { path, keep, algorithm } = options
  const append = keep && (await exists(path))
  const file = await parts.codec.stage(path, { algorithm, append })
  return new OpenStaging(parts, options, file)
}

class OpenStaging implements Staging {
  readonly #parts: StagingParts
  readonly #options: OpenStagingOptions
  readonly #file: StagedFile
  #state: 'open' | 'committed' | 'closed' = 'open'
  #reading: Promise<FileHandle> | undefined

  constructor(parts: StagingParts, options: OpenStagingOptions, file: StagedFile) {
    this.#parts = parts
    this.#options = options
    this.#file = file
  }

  get size(): number {
    return this.#file.size
  }

  get landed(): number {
    return this.#file.landed
  }

  write(chunk: Uint8Array): void | Promise<void> {
    const waiting = this.#guard(() => this.#file.write(chunk))
    return waiting?.catch((error: unknown) => this.#fail(error))
  }

  flush(): Promise<void> {
    return this.#file.flush().catch((error: unknown) => this.#fail(error))
  }

  async verify(digest: Digest): Promise<void> {
    await this.flush()
    await this.#digest(digest)
  }

  async commit(expected: Expected = {}): Promise<{ digest: Digest; size: number }> {
    try {
      return await this.#commit(expected)
    } catch (error) {
      throw translateWriteError(error, this.#parts.paths.root)
    }
  }

  async discard(): Promise<void> {
    await this.#close()
    if (this.#state !== 'committed') await rm(this.#options.path, { force: true })
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    this.#reading ??= open(this.#options.path, 'r')
    const file = await this.#reading
    const bytes = Buffer.allocUnsafeSlow(length)
    let done = 0
    while (done < length) {
      const { bytesRead } = await file.read(bytes, done, length - done, position + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return bytes.subarray(0, done)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const reading = await this.#reading?.catch(() => undefined)
    this.#reading = undefined
    await reading?.close()
    if (this.#options.keep || this.#state === 'committed') await this.#close()
    else await this.discard()
  }

  async #commit(expected: Expected): Promise<{ digest: Digest; size: number }> {
    const { paths, syncDirectory } = this.#parts
    const { size } = this.#file
    const what = expected.digest ?? 'the blob'
    if (expected.size !== undefined && expected.size !== size) {
      throw new ImageError('SIZE_MISMATCH', `Cannot store ${what}: ${size} bytes came, expected ${expected.size}`)
    }
    await this.#file.flush()
    // The disk works while a digest of another algorithm is computed.
    const synced = this.#file.sync()
    synced.catch(() => undefined)
    const [found] = await Promise.allSettled([this.#digest(expected.digest), synced])
    if (found.status === 'rejected') throw found.reason
    const digest = found.value
    await synced
    await this.#close()
    chmodSync(this.#options.path, 0o644)
    await moveInto(paths.algorithm(digest), this.#options.path, paths.blob(digest))
    this.#state = 'committed'
    await syncDirectory(paths.algorithm(digest))
    return { digest, size }
  }

  async #digest(expected: Digest | undefined): Promise<Digest> {
    const digest = await this.#file.digest(expected === undefined ? this.#options.algorithm : digestAlgorithm(expected))
    if (expected === undefined || digest === expected) return digest
    const { size } = this.#file
    throw new ImageError(
      'DIGEST_MISMATCH',
      `Cannot store ${expected}: the ${size} bytes that came have the digest ${digest}`,
    )
  }

  async #close(): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'closed'
    await this.#file[Symbol.asyncDispose]()
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      return this.#fail(error)
    }
  }

  #fail(error: unknown): never {
    throw translateWriteError(error, this.#parts.paths.root)
  }
}

/**
 * The directory is there but for the first blob of an algorithm. Not handed to another thread: for a small blob that costs more
 * than the call.
 */
async function moveInto(directory: string, from: string, to: string): Promise<void> {
  try {
    renameSync(from, to)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    await mkdir(directory, { recursive: true })
    renameSync(from, to)
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
