/** How quickly a bucket is filled, and how much it holds. */
export interface BucketOptions {
  readonly requests: number
  /** In milliseconds. */
  readonly within: number
  readonly burst?: number
}

const mostBuckets = 10_000

/** A bucket of tokens for each of those who ask: a request takes one out, time puts them back. The memory is bounded. */
export class TokenBuckets {
  readonly #rate: number
  readonly #capacity: number
  readonly #now: () => number
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  constructor({ requests, within, burst = requests }: BucketOptions, now: () => number = () => performance.now()) {
    this.#rate = requests / within
    this.#capacity = burst
    this.#now = now
  }

  /** Takes one out; or says how many milliseconds it is until there is one. */
  take(key: string): number {
    const now = this.#now()
    const { tokens, at } = this.#buckets.get(key) ?? { tokens: this.#capacity, at: now }
    const there = Math.min(this.#capacity, tokens + Math.max(0, now - at) * this.#rate)
    // Put at the end: what stands first has not been asked for longest, and is most likely full again.
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: there >= 1 ? there - 1 : there, at: now })
    if (this.#buckets.size > mostBuckets) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    return there >= 1 ? 0 : (1 - there) / this.#rate
  }
}
