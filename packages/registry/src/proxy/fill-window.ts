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

  /** Forgets the oldest, until no more than so many bytes are left. */
  shrink(most: number): void {
    while (this.#bytes > most) this.#bytes -= this.#pieces.shift()?.bytes.length ?? this.#bytes
  }

  /** What follows from a position on, as far as it is in one piece; `undefined` when it is forgotten or has not come. */
  at(position: number): Uint8Array | undefined {
    const piece = this.#pieces.find(({ start, bytes }) => start <= position && position < start + bytes.length)
    return piece?.bytes.subarray(position - piece.start)
  }
}
