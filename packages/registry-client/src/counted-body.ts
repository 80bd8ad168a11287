import { ImageError } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'

/** Fails a body of another length than was announced, counts it as it is read, and remembers why it failed. */
export class CountedBody implements AsyncIterable<Uint8Array> {
  failure: { readonly error: unknown } | undefined
  readonly #body: AsyncIterable<Uint8Array>
  readonly #descriptor: Descriptor
  readonly #length: number
  readonly #onBytes: ((bytes: number) => void) | undefined

  constructor(
    body: AsyncIterable<Uint8Array>,
    descriptor: Descriptor,
    length: number,
    onBytes?: (bytes: number) => void,
  ) {
    this.#body = body
    this.#descriptor = descriptor
    this.#length = length
    this.#onBytes = onBytes
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const { digest } = this.#descriptor
    const length = this.#length
    let seen = 0
    try {
      for await (const chunk of this.#body) {
        seen += chunk.length
        if (seen > length) {
          throw new ImageError('SIZE_MISMATCH', `Cannot push ${digest}: more than the expected ${length} bytes came`)
        }
        yield chunk
        this.#onBytes?.(seen)
      }
      if (seen < length) {
        throw new ImageError('SIZE_MISMATCH', `Cannot push ${digest}: ${seen} bytes came, expected ${length}`)
      }
    } catch (error) {
      this.failure = { error }
      throw error
    }
  }
}
