import type { Digest } from '@gantry/oci'

/** Documents that were read lately, by their digest: they never change. The least lately used goes when there are too many bytes. */
export class DocumentCache {
  readonly #most: number
  readonly #documents = new Map<Digest, Uint8Array>()
  #bytes = 0

  /** Of so many bytes at most; default: 32 MiB. */
  constructor(most: number = 32 * 1024 * 1024) {
    this.#most = most
  }

  get(digest: Digest): Uint8Array | undefined {
    const found = this.#documents.get(digest)
    if (found === undefined) return undefined
    this.#documents.delete(digest)
    this.#documents.set(digest, found)
    return found
  }

  /** Keeps a document, which nobody may change any more. A large one is not worth the room of many small ones. */
  set(digest: Digest, bytes: Uint8Array): void {
    if (bytes.length > this.#most / 8 || this.#documents.has(digest)) return
    this.#documents.set(digest, bytes)
    this.#bytes += bytes.length
    for (const [oldest, { length }] of this.#documents) {
      if (this.#bytes <= this.#most) return
      this.#documents.delete(oldest)
      this.#bytes -= length
    }
  }
}
