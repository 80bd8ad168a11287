import type { GrowingFile } from '@gantry/image'

type Listener = (bytes: number | undefined) => void

/** How far a file has grown from its start, for those who follow it. */
export class Growth implements GrowingFile {
  readonly path: string
  readonly #listeners = new Set<Listener>()
  #bytes: number | undefined = 0

  constructor(path: string) {
    this.path = path
  }

  follow(listener: Listener): () => void {
    listener(this.#bytes)
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Tells when there is more than before. */
  reach(bytes: number): void {
    if (this.#bytes === undefined || bytes <= this.#bytes) return
    this.#bytes = bytes
    for (const listener of this.#listeners) listener(bytes)
  }

  /** What was there was wrong: tells it for good. */
  fail(): void {
    this.#bytes = undefined
    for (const listener of this.#listeners) listener(undefined)
    this.#listeners.clear()
  }
}
