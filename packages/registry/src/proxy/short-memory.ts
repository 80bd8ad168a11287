/** Remembers things for a short time, the latest so many of them. */
export class ShortMemory<T> {
  readonly #now: () => number
  readonly #most: number
  readonly #entries = new Map<string, { readonly value: T; readonly until: number }>()

  constructor(now: () => number, most = 10_000) {
    this.#now = now
    this.#most = most
  }

  get(key: string): T | undefined {
    const found = this.#entries.get(key)
    if (found === undefined || found.until > this.#now()) return found?.value
    this.#entries.delete(key)
    return undefined
  }

  set(key: string, value: T, life: number): void {
    if (life <= 0) return
    this.#entries.delete(key)
    this.#entries.set(key, { value, until: this.#now() + life })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > this.#most && oldest !== undefined) this.#entries.delete(oldest)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }
}
