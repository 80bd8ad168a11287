import { watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'
import { LogPacker } from './log-packer.ts'
import { currentSegment, currentSize, leastOfMonitor, segmentDirectory, tendLog, type LogLimits } from './log-files.ts'

/** What a keeper needs. */
export interface LogKeeperOptions {
  /** Where the monitor writes. */
  readonly path: string
  readonly limits: LogLimits
  /** Tells the monitor to go on to the next file. */
  readonly reopen: () => Promise<void>
}

/**
 * Looks after the files of a running container's log: gives them names, removes the oldest, and has the monitor begin a new one where
 * the limit is smaller than what it does by itself, and compresses those that are full where that is wanted. Nothing is written through
 * it: while there is none, the monitor bounds the log.
 */
export class LogKeeper {
  readonly #path: string
  readonly #limits: LogLimits
  readonly #reopen: () => Promise<void>
  readonly #readers = new Set<() => void>()
  readonly #watchers: FSWatcher[] = []
  #poll: NodeJS.Timeout | undefined
  readonly #packer: LogPacker | undefined
  #ordered: number | undefined
  #closed = false

  constructor({ path, limits, reopen }: LogKeeperOptions) {
    this.#path = path
    this.#limits = limits
    this.#reopen = reopen
    this.#packer = limits.compress === true ? new LogPacker(path) : undefined
    const { maxSize } = limits
    const names = new Set([basename(path), `${basename(path)}.tmp`])
    // Files are written in a directory of their own, so this one tells of each new file and of nothing else.
    this.#watch(dirname(path), (name) => names.has(name))
    if (maxSize !== undefined && maxSize < leastOfMonitor) this.#watch(segmentDirectory(path), () => true)
    this.tend()
  }

  /** Has `collect` called whenever files have come, before any goes; returns how to end it. */
  read(collect: () => void): () => void {
    this.#readers.add(collect)
    return () => {
      this.#readers.delete(collect)
    }
  }

  /** Does what there is to do now. What cannot be done, as on a full disk, is tried again at the next change. */
  tend(): void {
    if (this.#closed) return
    try {
      this.#tend()
    } catch {
      for (const collect of this.#readers) collect()
    }
  }

  #tend(): void {
    tendLog(this.#path, this.#limits, () => {
      for (const collect of this.#readers) collect()
    })
    void this.#packer?.pack()
    if (!this.#isFull()) return
    const current = currentSegment(this.#path)
    if (current === this.#ordered) return
    this.#ordered = current
    // A monitor that is gone writes no more.
    this.#reopen().catch(() => undefined)
  }

  /** Stops looking after it. Idempotent. */
  close(): void {
    this.#closed = true
    this.#packer?.close()
    for (const watcher of this.#watchers) watcher.close()
    clearInterval(this.#poll)
  }

  #isFull(): boolean {
    const { maxSize } = this.#limits
    return maxSize !== undefined && currentSize(this.#path) >= maxSize
  }

  #watch(directory: string, isOurs: (name: string) => boolean): void {
    const pollInstead = (): void => {
      this.#poll ??= setInterval(() => {
        this.tend()
      }, 100).unref()
    }
    try {
      const watcher = watch(directory, { persistent: false }, (event, name) => {
        if (name !== null && !isOurs(name)) return
        // What is written more than the limit is seen by one look at the size; all else begins with a rename.
        if (event === 'rename' || this.#isFull()) this.tend()
      })
      watcher.on('error', pollInstead)
      this.#watchers.push(watcher)
    } catch {
      pollInstead()
    }
  }
}
