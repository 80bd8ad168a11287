import type { GrowingFile } from '@gantry/image'
import type { Digest } from '@gantry/oci'

interface Gate {
  readonly begun: PromiseWithResolvers<GrowingFile | undefined>
  readonly whole: PromiseWithResolvers<void>
}

/** Blobs that somebody waits for while somebody else brings them. */
export class Arrivals {
  readonly #gates = new Map<Digest, Gate>()
  #isOver = false

  /** Whoever waits is rejected with the signal's reason. */
  constructor(signal: AbortSignal) {
    const fail = (): void => {
      for (const { begun, whole } of this.#gates.values()) for (const each of [begun, whole]) each.reject(signal.reason)
    }
    signal.addEventListener('abort', fail, { once: true })
  }

  /** Resolves when the blob is there, or when nothing more comes. */
  of(digest: Digest): Promise<void> {
    return this.#isOver ? Promise.resolve() : this.#gate(digest).whole.promise
  }

  /** Resolves when the blob begins to come, with its file if it comes in parts. */
  begun(digest: Digest): Promise<GrowingFile | undefined> {
    return this.#isOver ? Promise.resolve(undefined) : this.#gate(digest).begun.promise
  }

  begins(digest: Digest, file: GrowingFile | undefined): void {
    this.#gate(digest).begun.resolve(file)
  }

  came(digest: Digest): void {
    const { begun, whole } = this.#gate(digest)
    begun.resolve(undefined)
    whole.resolve()
  }

  /** Nothing more comes: what has not come was not to be fetched. */
  end(): void {
    this.#isOver = true
    for (const digest of this.#gates.keys()) this.came(digest)
  }

  #gate(digest: Digest): Gate {
    const found = this.#gates.get(digest) ?? { begun: Promise.withResolvers(), whole: Promise.withResolvers() }
    // That nobody may be waiting for it is no failure.
    for (const { promise } of [found.begun, found.whole]) promise.catch(() => undefined)
    this.#gates.set(digest, found)
    return found
  }
}
