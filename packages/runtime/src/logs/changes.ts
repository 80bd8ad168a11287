import { watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'
import { segmentDirectory } from './log-files.ts'

/** Tells that a log may have changed: grown, been made, or gone on to another file. Never misses a change. */
export class Changes {
  readonly #watchers: FSWatcher[] = []
  readonly #signals: readonly AbortSignal[]
  readonly #onSignal: () => void
  #seen = 0
  #told = 0
  #renames = 1
  #checked = 0
  #wake: (() => void) | undefined
  #poll: NodeJS.Timeout | undefined

  constructor(path: string, signals: readonly (AbortSignal | undefined)[]) {
    this.#signals = signals.filter((signal) => signal !== undefined)
    this.#onSignal = () => {
      this.#tell()
    }
    const name = basename(path)
    // The directories, not the files: a file that does not exist yet or is replaced is seen too.
    this.#watch(dirname(path), (changed) => changed === name, true)
    this.#watch(segmentDirectory(path), () => true, false)
    for (const signal of this.#signals) signal.addEventListener('abort', this.#onSignal, { once: true })
  }

  /** Settles when something has changed since the last call settled; at once if it has already. */
  async next(): Promise<void> {
    if (this.#seen === this.#told) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.#told = this.#seen
  }

  /** Whether files may have come or gone since the last call. */
  get renamed(): boolean {
    if (this.#checked === this.#renames) return false
    this.#checked = this.#renames
    return true
  }

  /** Says that files have come, for who knows it sooner than the kernel tells. */
  tell(): void {
    this.#renames += 1
    this.#tell()
  }

  /** Stops watching. */
  close(): void {
    for (const watcher of this.#watchers) watcher.close()
    clearInterval(this.#poll)
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#onSignal)
  }

  #watch(directory: string, isOurs: (name: string) => boolean, required: boolean): void {
    try {
      const watcher = watch(directory, (event, changed) => {
        if (changed !== null && !isOurs(changed)) return
        if (event === 'rename' || changed === null) this.#renames += 1
        this.#tell()
      })
      watcher.on('error', () => {
        this.#pollInstead()
      })
      this.#watchers.push(watcher)
    } catch (error) {
      if (required || (error as NodeJS.ErrnoException).code !== 'ENOENT') this.#pollInstead()
    }
  }

  // The machine has no more watches to give (fs.inotify.max_user_instances).
  #pollInstead(): void {
    this.#poll ??= setInterval(() => {
      this.#renames += 1
      this.#tell()
    }, 200)
  }

  #tell(): void {
    this.#seen += 1
    this.#wake?.()
    this.#wake = undefined
  }
}
