import { mkdirSync, readFileSync, statSync, watch, type FSWatcher } from 'node:fs'
import { join } from 'node:path'

/** What an exit file says. */
export interface ExitNote {
  readonly exitCode: number
  /** Milliseconds since 1970. */
  readonly at: number
}

/**
 * Tells of containers' ends by one watch on the directory in which conmon writes them (1 to 4 ms after the end). Looks once more
 * after the watch is set, so that an end between look and watch is not missed.
 */
export class ExitWatch {
  readonly #directory: string
  readonly #waiting = new Map<string, ((note: ExitNote) => void)[]>()
  #watcher: FSWatcher | undefined
  #poll: NodeJS.Timeout | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  /** What is written already; undefined while the container lives. */
  read(id: string): ExitNote | undefined {
    const path = join(this.#directory, id)
    let text: string
    let at: number
    try {
      text = readFileSync(path, 'utf8')
      at = statSync(path).mtimeMs
    } catch {
      return undefined
    }
    const code = Number.parseInt(text, 10)
    // conmon renames the file into place: it is never half written. -1 is what it writes when it knows no code.
    return { exitCode: Number.isNaN(code) || code < 0 ? 255 : code, at: Math.round(at) }
  }

  /** Calls back once, as soon as the container has ended. Returns how to stop waiting. */
  onExit(id: string, callback: (note: ExitNote) => void): () => void {
    this.#start()
    let list = this.#waiting.get(id)
    if (list === undefined) this.#waiting.set(id, (list = []))
    list.push(callback)
    this.#watcher?.ref()
    this.#poll?.ref()
    // Never before this method has returned: the caller has nothing to stop yet.
    queueMicrotask(() => {
      this.#look(id)
    })
    return () => {
      const left = this.#waiting.get(id)?.filter((other) => other !== callback) ?? []
      if (left.length === 0) this.#waiting.delete(id)
      else this.#waiting.set(id, left)
      this.#rest()
    }
  }

  /** Stops watching. Idempotent. */
  close(): void {
    this.#watcher?.close()
    this.#watcher = undefined
    clearInterval(this.#poll)
    this.#poll = undefined
    this.#waiting.clear()
  }

  #start(): void {
    if (this.#watcher !== undefined || this.#poll !== undefined) return
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
    try {
      this.#watcher = watch(this.#directory, (_event, name) => {
        // Without a name the kernel's queue has overflowed: look at all.
        if (name === null) this.#lookAtAll()
        else this.#look(name)
      })
      this.#watcher.on('error', () => {
        this.#watcher?.close()
        this.#watcher = undefined
        this.#pollInstead()
      })
    } catch {
      this.#pollInstead()
    }
  }

  // The machine has no more watches to give (fs.inotify.max_user_instances).
  #pollInstead(): void {
    this.#poll ??= setInterval(() => {
      this.#lookAtAll()
    }, 100)
  }

  #lookAtAll(): void {
    for (const id of this.#waiting.keys()) this.#look(id)
  }

  #look(id: string): void {
    const callbacks = this.#waiting.get(id)
    if (callbacks === undefined) return
    const note = this.read(id)
    if (note === undefined) return
    this.#waiting.delete(id)
    for (const callback of callbacks) callback(note)
    this.#rest()
  }

  // The watch keeps this process alive only while somebody waits.
  #rest(): void {
    if (this.#waiting.size > 0) return
    this.#watcher?.unref()
    this.#poll?.unref()
  }
}
