import type { LogFrame } from '@gantry/client'

const space = 0x20

/**
 * Where a reader of a log is: the time of the last line it has seen, and how many lines of that time. Frames have their times in
 * front. What comes again after a new connection is left out.
 */
export class LogCursor {
  #time: string | undefined
  #count = 0
  #again = 0
  readonly #keepsTimes: boolean

  constructor({ keepsTimes }: { keepsTimes: boolean }) {
    this.#keepsTimes = keepsTimes
  }

  /** Where to go on; undefined before the first line. */
  get since(): string | undefined {
    return this.#time
  }

  /** A new connection begins with the lines of the last time. */
  reconnected(): void {
    this.#again = this.#count
  }

  /** What of a frame has not been seen before; undefined for nothing. */
  take({ data }: LogFrame): Uint8Array | undefined {
    const at = data.indexOf(space)
    if (at < 0) return data
    const time = Buffer.from(data.buffer, data.byteOffset, at).toString('latin1')
    if (time !== this.#time) {
      this.#time = time
      this.#count = 0
      this.#again = 0
    }
    if (this.#again > 0) {
      this.#again--
      return undefined
    }
    this.#count++
    return this.#keepsTimes ? data : data.subarray(at + 1)
  }
}
