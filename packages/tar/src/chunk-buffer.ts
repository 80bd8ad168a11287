const least = 64 * 1024
const capacity = 256 * 1024

/** Gathers small pieces into chunks of 64 KiB or more; what is already large passes through without a copy. */
export class ChunkBuffer {
  #buffer = new Uint8Array(capacity)
  #filled = 0

  /** Takes a piece, which may be passed on as it is; answers the chunks that are complete. */
  add(piece: Uint8Array): readonly Uint8Array[] {
    if (piece.length <= capacity - this.#filled) {
      this.#append(piece)
      return this.#filled === capacity ? this.flush() : none
    }
    // Fill what has been gathered up to a size that may go, so that the rest of the piece needs no copy.
    const head = this.#filled === 0 || this.#filled >= least ? 0 : least - this.#filled
    this.#append(piece.subarray(0, head))
    const rest = piece.subarray(head)
    if (rest.length >= least) return [...this.flush(), rest]
    const gathered = this.flush()
    this.#append(rest)
    return gathered
  }

  /** What has been gathered so far, however little. */
  flush(): readonly Uint8Array[] {
    if (this.#filled === 0) return none
    const chunk = this.#buffer.subarray(0, this.#filled)
    this.#buffer = new Uint8Array(capacity)
    this.#filled = 0
    return [chunk]
  }

  #append(piece: Uint8Array): void {
    this.#buffer.set(piece, this.#filled)
    this.#filled += piece.length
  }
}

const none: readonly Uint8Array[] = []
