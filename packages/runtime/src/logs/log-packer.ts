import { createReadStream, createWriteStream, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { logSegments, type LogSegment } from './log-files.ts'

/**
 * Compresses the files of a log that the monitor has done with, oldest first, one after another, as gzip beside their name: `3`
 * becomes `3.gz`. A file is there in one form or the other at any moment, after a kill too: the compressed one gets its name when it
 * is complete and on the disk, and only then the plain one goes. What cannot be compressed, as on a full disk, stays as it is until
 * the next call.
 */
export class LogPacker {
  readonly #path: string
  readonly #stop = new AbortController()
  #working: Promise<void> | undefined

  constructor(path: string) {
    this.#path = path
    rmSync(halfPacked(path), { force: true })
  }

  /** Begins, unless it is at it already. Resolves when nothing is left to do, or when one could not be done; never rejects. */
  pack(): Promise<void> {
    return (this.#working ??= this.#work().finally(() => {
      this.#working = undefined
    }))
  }

  /** Gives up what is half done and begins no more. Idempotent. */
  close(): void {
    this.#stop.abort()
  }

  async #work(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const next = closedFiles(this.#path)[0]
      if (next === undefined || !(await this.#packOne(next))) return
    }
  }

  async #packOne({ path }: LogSegment): Promise<boolean> {
    const half = halfPacked(this.#path)
    try {
      const { size, mode } = statSync(path)
      const { signal } = this.#stop
      // Flushed: the name must not be on the disk before the bytes.
      const target = createWriteStream(half, { mode: mode & 0o777, flush: true })
      await pipeline(createReadStream(path), createGzip(), target, { signal })
      // It has been removed meanwhile, or was not done with after all.
      if (signal.aborted || statSync(path, { throwIfNoEntry: false })?.size !== size) throw new Error('not needed')
      renameSync(half, `${path}.gz`)
      rmSync(path, { force: true })
      return true
    } catch {
      rmSync(half, { force: true })
      return false
    }
  }
}

function closedFiles(path: string): readonly LogSegment[] {
  return logSegments(path)
    .slice(0, -1)
    .filter(({ packed }) => !packed)
}

/** Beside the log and not among its files: who watches those is not woken by it. */
function halfPacked(path: string): string {
  return join(dirname(path), `${basename(path)}.gz.tmp`)
}
