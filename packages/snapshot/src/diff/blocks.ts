const chunkBytes = 512 * 1024

/** Gathers bytes into chunks of 512 KiB that whoever takes them may keep. */
export class Blocks {
  #chunk = new Uint8Array(chunkBytes)
  #used = 0;

  /** Adds bytes by copying them. */
  *add(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + chunkBytes - this.#used)
      this.#chunk.set(part, this.#used)
      at += part.length
      yield* this.filled(part.length)
    }
  }

  /** Where at most so many bytes can be written directly; `filled` says how many were. */
  room(most: number): Uint8Array {
    return this.#chunk.subarray(this.#used, this.#used + most)
  }

  /** Says that so many bytes of the room are filled. */
  *filled(length: number): Generator<Uint8Array<ArrayBuffer>> {
    this.#used += length
    if (this.#used < chunkBytes) return
    const chunk = this.#chunk
    this.#chunk = new Uint8Array(chunkBytes)
    this.#used = 0
    yield chunk
  }

  /** What does not fill a chunk. */
  *rest(): Generator<Uint8Array<ArrayBuffer>> {
    if (this.#used > 0) yield this.#chunk.slice(0, this.#used)
    this.#used = 0
  }
}
