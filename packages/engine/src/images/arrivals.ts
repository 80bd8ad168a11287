import type { Digest } from '@gantry/oci'

/** Blobs that somebody waits for while somebody else brings them. */
export class Arrivals {
  readonly #gates = new Map<Digest, PromiseWithResolvers<void>>()
  #isOver = false

  /** Whoever waits is rejected with the signal's reason. */
  constructor(signal: AbortSignal) {
    const fail = (): void => {
      for (const gate of this.#gates.values()) gate.reject(signal.reason)
    }
    signal.addEventListener('abort', fail, { once: true })
  }

  /** Resolves when the blob is there, or when nothing more comes. */
  of(digest: Digest): Promise<void> {
    return this.#isOver ? Promise.resolve() : this.#gate(digest).promise
  }

  came(digest: Digest): void {
    this.#gate(digest).resolve()
  }

  /** Nothing more comes: what has not come was not to be fetched. */
  end(): void {
    this.#isOver = true
    for (const gate of this.#gates.values()) gate.resolve()
  }

  #gate(digest: Digest): PromiseWithResolvers<void> {
    const found = this.#gates.get(digest) ?? Promise.withResolvers<void>()
    // That nobody may be waiting for it is no failure.
    found.promise.catch(() => undefined)
    this.#gates.set(digest, found)
    return found
  }
}
