interface Piece {
  readonly start: number
  readonly bytes: Uint8Array
}

/** The last bytes that came, for readers who are as far as the writer: what is older is in the file. */
export class FillWindow {
  readonly #pieces: Piece[] = []
  #bytes = 0
  #end = 0

  /** How many bytes it holds. */
  get bytes(): number {
    return this.#bytes
  }

  push(bytes: Uint8Array): void {
    this.#pieces.push({ start: this.#end, bytes })
    this.#end += bytes.length
    this.#bytes += bytes.length
  }

  /** Forgets the oldest, until no more than so many bytes are left; what is after `landed` is nowhere else and stays. */
  shrink(most: number, landed: number): void {
    for (;;) {
      const [oldest] = this.#pieces
      if (oldest === undefined || this.#bytes <= most || oldest.start + oldest.bytes.length > landed) return
      this.#pieces.shift()
      this.#bytes -= oldest.bytes.length
    }
  }

  /** What follows from a position on, as far as it is in one piece; `undefined` when it is forgotten or has not come. */
  at(position: number): Uint8Array | undefined {
    const piece = this.#pieces.find(({ start, bytes }) => start <= position && position < start + bytes.length)
    return piece?.bytes.subarray(position - piece.start)
  }
}
