import { close, fdatasync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const syncFile = promisify(fdatasync)

/**
 * Brings a database's write-ahead log to the disk, off the event loop. Commits that wait at the same time share one sync, but
 * never one that began before them. The log holds no locks, unlike the database's file, so it may be opened a second time; it
 * stays the same file for as long as a connection is open.
 */
export class LogSync {
  readonly #path: string
  #fd: number | undefined
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #isClosed = false

  /** `path` is the log's. */
  constructor(path: string) {
    this.#path = path
  }

  /** Resolves when everything that is in the log now is on the disk. */
  sync(): Promise<void> {
    if (this.#running === undefined) return this.#begin()
    this.#next ??= this.#running.catch(() => undefined).then(() => this.#begin())
    return this.#next
  }

  /** Ends it; a sync under way comes to its end. */
  close(): void {
    this.#isClosed = true
    if (this.#running === undefined) this.#closeFile()
  }

  #begin(): Promise<void> {
    this.#next = undefined
    this.#running = this.#sync().finally(() => {
      this.#running = undefined
      if (this.#isClosed && this.#next === undefined) this.#closeFile()
    })
    return this.#running
  }

  async #sync(): Promise<void> {
    if (this.#fd === undefined) {
      this.#fd = openLog(this.#path)
      // No log: everything is in the database's file already.
      if (this.#fd === undefined) return
      await syncDirectory(dirname(this.#path))
    }
    await syncFile(this.#fd)
  }

  #closeFile(): void {
    if (this.#fd !== undefined) close(this.#fd, () => undefined)
    this.#fd = undefined
  }
}

function openLog(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** That there is a log must survive too. */
async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r')
  await directory.sync()
}
