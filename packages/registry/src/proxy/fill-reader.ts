import type { BlobFill } from './blob-fill.ts'

/** What a reader sees of a fill. */
export type FillSource = Pick<
  BlobFill,
  'size' | 'written' | 'isWhole' | 'failure' | 'farRange' | 'hold' | 'release' | 'onChange' | 'at' | 'far'
>

/** Read at once from the staging file, and fetched at once of what is far. */
const readBytes = 1024 * 1024
const farBytes = 4 * 1024 * 1024

/**
 * Reads a part of a blob while it comes. It waits for what has not come; what is far from coming is fetched by itself, piece by
 * piece, until the fill has caught up. Closed by its end, by `return`, or by `close`, which also ends a `next` that waits.
 */
export class FillReader implements AsyncIterableIterator<Uint8Array> {
  readonly #fill: FillSource
  #position: number
  readonly #end: number | undefined
  #wake: () => void = () => undefined
  #isClosed = false
  #isFarRefused = false

  constructor(fill: FillSource, start: number, end: number | undefined) {
    this.#fill = fill
    this.#position = start
    this.#end = end ?? fill.size
    fill.hold()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      for (;;) {
        if (this.#isClosed) return { done: true, value: undefined }
        const fill = this.#fill
        if (fill.failure !== undefined) throw fill.failure
        const end = this.#end ?? (fill.isWhole ? fill.written : Infinity)
        if (this.#position >= end) {
          this.close()
          return { done: true, value: undefined }
        }
        const given = Math.min(end, this.#available())
        const bytes = this.#position < given ? await this.#take(given) : await this.#takeFar(end)
        if (bytes !== undefined) {
          this.#position += bytes.length
          return { done: false, value: bytes }
        }
        // Asked before the change is waited for: nothing runs in between.
        if (this.#available() <= this.#position && !fill.isWhole && fill.failure === undefined) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
            fill.onChange(resolve)
          })
        }
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.close()
    return { done: true, value: undefined }
  }

  /** Ends it. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#wake()
    this.#fill.release()
  }

  /** What may be given out: the last byte only when the blob has been verified. */
  #available(): number {
    const { written, isWhole, size } = this.#fill
    return isWhole || size === undefined ? written : Math.min(written, size - 1)
  }

  async #take(given: number): Promise<Uint8Array | undefined> {
    const bytes = await this.#fill.at(this.#position, readBytes)
    if (bytes.length === 0) throw new Error('the staging file is shorter than what was written')
    return this.#isClosed ? undefined : bytes.subarray(0, given - this.#position)
  }

  async #takeFar(end: number): Promise<Uint8Array | undefined> {
    const { farRange, written, isWhole } = this.#fill
    const isFar = this.#position - written > farRange && end !== Infinity
    if (!isFar || isWhole || this.#isFarRefused) return undefined
    const bytes = await this.#fill.far(this.#position, Math.min(end, this.#position + farBytes))
    this.#isFarRefused = bytes === undefined
    return bytes
  }
}
