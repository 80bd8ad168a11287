/** The size of a slab: small enough for many streams at once, large enough that messages do not count. */
export const slabSize: number = 512 * 1024

const perStream = 4
const overall = 64

/**
 * Shared buffers through which bytes go to the workers. Chunks are copied into them: a memory copy is a tenth of the cost of
 * hashing, and a transfer would take the buffer away from whoever else holds it.
 *
 * A stream always gets its first slab, so that streams that wait for their peers do not starve the others; it gets up to three
 * more while there are few in use overall.
 */
export class Slabs {
  readonly #free: SharedArrayBuffer[] = []
  #used = 0

  /** A slab for a stream that holds `held` already, or `undefined` if it has to wait until one of its own is given back. */
  take(held: number): SharedArrayBuffer | undefined {
    if (held > 0 && (held >= perStream || this.#used >= overall)) return undefined
    this.#used += 1
    return this.#free.pop() ?? new SharedArrayBuffer(slabSize)
  }

  /** Gives a slab back. */
  give(slab: SharedArrayBuffer): void {
    this.#used -= 1
    if (this.#free.length < overall / 2) this.#free.push(slab)
  }
}
