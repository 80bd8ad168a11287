import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { RuntimeError } from '../runtime-error.ts'
import type { Changes } from './changes.ts'
import { logSegments } from './log-files.ts'
import { unpackLog } from './unpack-log.ts'

interface OpenSegment {
  readonly number: number
  readonly fd: number
  readonly packed: boolean
}

/** Bytes of files that one reader may keep from being freed because it has not come to them yet. */
const mostWaiting = 512 * 1024 * 1024

/** The files of a log that a reader has yet to read, open: they may be removed meanwhile. */
export class OpenSegments {
  readonly #path: string
  #waiting: OpenSegment[] = []
  #last = 0
  #lost = false

  constructor(path: string) {
    this.#path = path
  }

  /** How many are to be read. */
  get count(): number {
    return this.#waiting.length
  }

  /** Opens one of those that are to be read for a look, the oldest being 0. The caller closes it. @throws RuntimeError LOG_LOST */
  async look(index: number): Promise<FileHandle> {
    const segment = this.#waiting[index]
    if (segment === undefined) throw new RangeError(`There is no file ${String(index)} to be read`)
    return this.#open(segment)
  }

  /** Whether there is another one to read. */
  get waiting(): boolean {
    return this.#waiting.length > 0
  }

  /** Opens what has come since the last call; returns whether there was any. Never fails: what cannot be opened is tried again. */
  collect(): boolean {
    const before = this.#last
    // Who keeps the log may be another process: what it compresses between the look and the opening has another name by then.
    for (let round = 0; round < 3 && this.#collectOnce() === 'again'; round++);
    const found = this.#last !== before
    if (found) this.#checkRoom()
    return found
  }

  #collectOnce(): 'done' | 'again' {
    for (const { number, path, packed } of logSegments(this.#path)) {
      if (number <= this.#last) continue
      try {
        // The one without a name is no link; a link in its place by now is to a later one.
        this.#waiting.push({ number, packed, fd: openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW) })
      } catch (error) {
        // It went on in the meantime; what is there in its place is found by the next call.
        return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'again' : 'done'
      }
      this.#last = number
    }
    return 'done'
  }

  #open({ fd, packed }: OpenSegment): Promise<FileHandle> {
    return packed ? unpackLog(fd, this.#path) : open(`/proc/self/fd/${String(fd)}`, constants.O_RDONLY)
  }

  /** Leaves out the first so many. */
  skip(count: number): void {
    for (const { fd } of this.#waiting.splice(0, count)) closeSync(fd)
  }

  /** The next file, when it is there or as soon as it is made; undefined when nothing more is to come.
   * @throws RuntimeError LOG_LOST */
  async next(
    changes: Changes | undefined,
    { done, signal }: { done?: AbortSignal; signal?: AbortSignal },
  ): Promise<FileHandle | undefined> {
    for (;;) {
      if (this.#lost)
        throw new RuntimeError('LOG_LOST', 'Cannot go on with the log: it is written so much faster than it is read', {
          hint: 'read it again from where you are with --since, and send it where it is read quickly',
        })
      // Asked before the look: what was written until then is found.
      const isLast = changes === undefined || done?.aborted === true || signal?.aborted === true
      if (!this.waiting) this.collect()
      const segment = this.#waiting.shift()
      if (segment !== undefined) {
        try {
          return await this.#open(segment)
        } finally {
          closeSync(segment.fd)
        }
      }
      if (isLast) return undefined
      await changes.next()
    }
  }

  /** Lets go of what was not read. Idempotent. */
  close(): Promise<void> {
    this.skip(this.#waiting.length)
    return Promise.resolve()
  }

  #checkRoom(): void {
    const bytes = this.#waiting.reduce((sum, { fd }) => sum + fstatSync(fd).size, 0)
    if (bytes <= mostWaiting) return
    this.#lost = true
    this.skip(this.#waiting.length)
  }
}
