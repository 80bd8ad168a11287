import { watch, type FSWatcher } from 'node:fs'
import { stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname } from 'node:path'

/** Tells that a file may have changed: grown, been made, or been replaced by another of its name. Never misses a change. */
export class Changes {
  readonly #path: string
  readonly #watcher: FSWatcher | undefined
  readonly #signals: readonly AbortSignal[]
  readonly #onSignal: () => void
  #seen = 0
  #told = 0
  #renames = 1
  #checked = 0
  #wake: (() => void) | undefined
  #poll: NodeJS.Timeout | undefined

  constructor(path: string, signals: readonly (AbortSignal | undefined)[]) {
    this.#path = path
    this.#signals = signals.filter((signal) => signal !== undefined)
    this.#onSignal = () => {
      this.#tell()
    }
    const name = basename(path)
    // The directory, not the file: a file that does not exist yet or is replaced is seen too.
    try {
      this.#watcher = watch(dirname(path), (event, changed) => {
        if (changed !== null && changed !== name) return
        if (event === 'rename' || changed === null) this.#renames += 1
        this.#tell()
      })
      this.#watcher.on('error', () => {
        this.#pollInstead()
      })
    } catch {
      this.#pollInstead()
    }
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

  /** Whether another file is at the path now; while none is, the writer still has the old one. Asks the kernel only after a rename. */
  async wasReplaced(file: FileHandle): Promise<boolean> {
    if (this.#checked === this.#renames) return false
    const renames = this.#renames
    const [ours, theirs] = await Promise.all([file.stat(), stat(this.#path).catch(() => undefined)])
    if (theirs === undefined) return false
    if (ours.ino !== theirs.ino || ours.dev !== theirs.dev) return true
    this.#checked = renames
    return false
  }

  /** Stops watching. */
  close(): void {
    this.#watcher?.close()
    clearInterval(this.#poll)
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#onSignal)
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
