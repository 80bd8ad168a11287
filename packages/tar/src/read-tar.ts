import { TarError } from './errors.ts'
import type { TarHeader } from './header.ts'
import { TarReader, type TarReaderOptions } from './tar-reader.ts'

/** One entry of an archive that is being read. */
export interface TarEntry {
  readonly header: TarHeader
  /**
   * The entry's bytes, the holes of a sparse file as zeros; views of what the source gave. To be read before the next
   * entry is asked for, once; what is not read is skipped.
   */
  readonly body: AsyncIterable<Uint8Array>
}

/**
 * Reads an archive entry by entry. At the archive's end the source is read to its own end, so that a source that checks
 * a digest there has done so when this is done. Breaking off closes the source.
 *
 * @throws {TarError} from the stream: TRUNCATED, HEADER_INVALID, CHECKSUM_MISMATCH, UNSUPPORTED, LIMIT; and
 * ENTRY_PASSED from a body that is read too late
 */
export function readTar(source: AsyncIterable<Uint8Array>, options: TarReaderOptions = {}): AsyncIterable<TarEntry> {
  return { [Symbol.asyncIterator]: () => new EntryIterator(source, options) }
}

const zeros = new Uint8Array(64 * 1024)

class EntryIterator implements AsyncIterator<TarEntry, undefined> {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #reader: TarReader
  #entry = 0
  #hole = 0
  #open = false
  #done = false

  constructor(source: AsyncIterable<Uint8Array>, options: TarReaderOptions) {
    this.#source = source[Symbol.asyncIterator]()
    this.#reader = new TarReader(options)
  }

  async next(): Promise<IteratorResult<TarEntry, undefined>> {
    this.#entry++
    this.#hole = 0
    this.#open = false
    while (!this.#done) {
      const event = this.#read()
      if (event === undefined) await this.#fill()
      else if (event.kind === 'entry') {
        this.#open = true
        return { done: false, value: { header: event.header, body: this.#body(this.#entry) } }
      }
    }
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<TarEntry, undefined>> {
    if (!this.#done) await this.#close()
    return { done: true, value: undefined }
  }

  #body(entry: number): AsyncIterable<Uint8Array> {
    const body: AsyncIterableIterator<Uint8Array, undefined> = {
      next: async () => this.#nextChunk(entry),
      return: async () => ({ done: true, value: undefined }),
      [Symbol.asyncIterator]: () => body,
    }
    return body
  }

  async #nextChunk(entry: number): Promise<IteratorResult<Uint8Array, undefined>> {
    if (entry !== this.#entry) {
      throw new TarError('ENTRY_PASSED', 'Cannot read the body of a tar entry: the reader is past it')
    }
    while (this.#open) {
      if (this.#hole > 0) {
        const length = Math.min(this.#hole, zeros.length)
        this.#hole -= length
        return { done: false, value: zeros.subarray(0, length) }
      }
      const event = this.#read()
      if (event === undefined) await this.#fill()
      else if (event.kind === 'data') return { done: false, value: event.data }
      else if (event.kind === 'hole') this.#hole = event.length
      else this.#open = false
    }
    return { done: true, value: undefined }
  }

  #read(): ReturnType<TarReader['read']> {
    try {
      return this.#reader.read()
    } catch (error) {
      void this.#close().catch(() => undefined)
      throw error
    }
  }

  async #fill(): Promise<void> {
    const next = await this.#source.next()
    if (next.done !== true) return this.#reader.push(next.value)
    this.#done = true
    this.#reader.finish()
  }

  async #close(): Promise<void> {
    this.#done = true
    await this.#source.return?.()
  }
}
