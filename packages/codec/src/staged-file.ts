import { closeSync, fdatasync, fstat, fsync, open, openSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Digest, DigestAlgorithm } from '@gantry/oci'
import type { Slabs } from './slabs.ts'
import { StreamIntake } from './stream-intake.ts'
import type { IntakeFile } from './stream-intake.ts'
import type { WorkerPool } from './worker-pool.ts'

const openFile = promisify(open)
const statFile = promisify(fstat)
const writeFile = promisify(write)
const syncFile = promisify(fsync)

/** A write this small is done at once: handing it to another thread costs more. */
const smallWrite = 64 * 1024

/** Written data is sent to the disk every so many bytes, so that little is left to wait for at the end. */
const syncEvery = 32 * 1024 * 1024

/**
 * A file that is being written and hashed at once, by a worker when it is large. Calls are made one at a time, each awaited.
 * Disposing of it closes the file, which stays where it is.
 */
export interface StagedFile extends AsyncDisposable {
  readonly path: string
  /** The bytes taken so far, with those the file had when it was opened. */
  readonly size: number
  /** How many of them are in the file, as other processes see it; `flush` waits for the rest. */
  readonly landed: number
  /**
   * Takes a chunk, which is copied and may be used again at once. Returns a promise when the caller must wait (back-pressure).
   * Throws, now or later, what went wrong with it: an error of Node with its `code`, such as `ENOSPC`.
   */
  write(chunk: Uint8Array): void | Promise<void>
  /** Resolves when everything taken is in the file, as other processes see it. */
  flush(): Promise<void>
  /** The digest of everything taken. Another algorithm than the one chosen at the start costs a second reading of the file. */
  digest(algorithm: DigestAlgorithm): Promise<Digest>
  /** Resolves when everything taken is on the disk. */
  sync(): Promise<void>
}

/** How a file is staged. */
export interface StageOptions {
  /** What the bytes are hashed with as they come. Default: sha256. */
  readonly algorithm?: DigestAlgorithm
  /** Go on after the bytes that the file has, which are hashed first; the file must exist. Default: it must not exist. */
  readonly append?: boolean
}

/** Opens a file for staging (mode 0644). A new file appears when the first bytes are flushed, or when it is synced. */
export async function stageFile(
  path: string,
  parts: { readonly pool: WorkerPool; readonly slabs: Slabs },
  options: StageOptions = {},
): Promise<StagedFile> {
  let fd = options.append === true ? await openFile(path, 'r+') : undefined
  const size = fd === undefined ? 0 : (await statFile(fd)).size
  let unsynced = 0
  let syncing: Promise<void> | undefined

  const opened = async (): Promise<IntakeFile> => {
    const file = (fd ??= openSync(path, 'wx+', 0o644))
    return { fd: file, write: (bytes, position) => writeAll(file, bytes, position) }
  }
  const onWritten = (bytes: number): void => {
    unsynced += bytes
    if (unsynced < syncEvery || syncing !== undefined || fd === undefined) return
    unsynced = 0
    syncing = promisify(fdatasync)(fd)
      // `sync` meets the same failure and reports it.
      .catch(() => undefined)
      .finally(() => (syncing = undefined))
  }
  const intake = new StreamIntake({
    ...parts,
    algorithm: options.algorithm ?? 'sha256',
    openFile: opened,
    size,
    onWritten,
  })

  return {
    path,
    get size() {
      return intake.size
    },
    get landed() {
      return intake.landed
    },
    write: (chunk) => intake.write(chunk),
    flush: () => intake.flush(),
    digest: (algorithm) => intake.digest(algorithm),
    async sync() {
      await intake.flush()
      await syncFile((await opened()).fd)
    },
    async [Symbol.asyncDispose]() {
      // Nobody may write any more when the descriptor is closed: its number is given to the next file that is opened.
      await intake.close()
      await syncing
      const closing = fd
      fd = undefined
      if (closing !== undefined) closeSync(closing)
    },
  }
}

async function writeAll(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length && bytes.length <= smallWrite)
    done += writeSync(fd, bytes, done, bytes.length - done, position + done)
  while (done < bytes.length) {
    const { bytesWritten } = await writeFile(fd, bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}
