const kept = 8192

/** The last 8 KiB of what a program wrote, from the start of a line. */
export class OutputTail {
  #chunks: Uint8Array[] = []
  #size = 0
  #cut = false

  add(data: Uint8Array): void {
    // The reader may use its buffer again.
    this.#chunks.push(data.slice(-kept))
    this.#size += Math.min(data.length, kept)
    if (data.length > kept) this.#cut = true
    while (this.#size - this.#chunks[0]!.length >= kept) {
      this.#size -= this.#chunks.shift()!.length
      this.#cut = true
    }
  }

  text(): string {
    const text = new TextDecoder().decode(Buffer.concat(this.#chunks))
    const line = this.#cut ? text.indexOf('\n') : -1
    return line === -1 ? text : text.slice(line + 1)
  }
}
