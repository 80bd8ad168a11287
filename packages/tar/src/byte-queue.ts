const nothing = new Uint8Array()

/**
 * Bytes on their way in: what was pushed, given out again in pieces of wanted length. Pieces within one chunk are views
 * of it; only those that cross chunks are copied.
 */
export class ByteQueue {
  #chunk: Uint8Array = nothing
  #at = 0
  #carry: Uint8Array | undefined
  #carried = 0
  /** How many bytes have been taken since the beginning. */
  position = 0

  /** Hands in the next chunk, when everything before it has been taken. */
  push(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) throw new RangeError('Cannot push bytes: those before are not read yet')
    this.#chunk = chunk
    this.#at = 0
  }

  /** Bytes that have been pushed and not given out. */
  get pending(): number {
    return this.#chunk.length - this.#at + this.#carried
  }

  /** Exactly so many bytes, or undefined until there are. */
  take(length: number): Uint8Array | undefined {
    const available = this.#chunk.length - this.#at
    if (this.#carry === undefined && available >= length) return this.#advance(length)
    this.#carry ??= new Uint8Array(length)
    const part = this.#advanceWithin(Math.min(available, length - this.#carried))
    this.#carry.set(part, this.#carried)
    this.#carried += part.length
    if (this.#carried < length) return undefined
    const whole = this.#carry
    this.#carry = undefined
    this.#carried = 0
    this.position += length
    return whole
  }

  /** At most so many bytes, as many as are at hand; undefined when there are none. */
  takeSome(most: number): Uint8Array | undefined {
    const available = this.#chunk.length - this.#at
    return available === 0 ? undefined : this.#advance(Math.min(available, most))
  }

  /** What has been given out is whoever took it's: they may use its memory again. */
  #drop(): void {
    this.#chunk = nothing
    this.#at = 0
  }

  #advance(length: number): Uint8Array {
    this.position += length
    return this.#advanceWithin(length)
  }

  #advanceWithin(length: number): Uint8Array {
    const part = this.#chunk.subarray(this.#at, this.#at + length)
    this.#at += length
    if (this.#at === this.#chunk.length) this.#drop()
    return part
  }
}
