import { RuntimeError } from '../runtime-error.ts'
import type { OutputChunk } from '../task.ts'

/** What the source of a queue can do. */
export interface Flow {
  pause(): void
  resume(): void
}

/** Bytes that wait for a slow client before the source is held back. */
export const queueLimit: number = 1024 * 1024

/**
 * Output between a source that must be drained and a client that may be slow. Up to 1 MiB waits; then the source is paused, and a
 * client that takes nothing for `stallLimit` milliseconds is cut off, so that nobody can freeze a container for good.
 */
export class OutputQueue implements AsyncIterable<OutputChunk> {
  readonly #stallLimit: number
  readonly #flow: Flow
  #chunks: OutputChunk[] = []
  #size = 0
  #ended = false
  #error: Error | undefined
  #dropped = false
  #paused = false
  #wake: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(flow: Flow, stallLimit: number) {
    this.#flow = flow
    this.#stallLimit = stallLimit
  }

  /** Adds a piece; after {@link drop} it vanishes. */
  push(chunk: OutputChunk): void {
    if (this.#dropped || this.#ended) return
    this.#chunks.push(chunk)
    this.#size += chunk.data.length
    this.#wake?.()
    if (this.#size <= queueLimit || this.#paused) return
    if (this.#stallLimit === 0) {
      this.#cutOff()
      return
    }
    this.#paused = true
    this.#flow.pause()
    this.#arm()
  }

  /** No more output. */
  end(error?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#error ??= error
    clearTimeout(this.#timer)
    this.#wake?.()
  }

  /** The client is gone: what waits and what comes is thrown away, the source runs on. */
  drop(): void {
    this.#dropped = true
    this.#chunks = []
    this.#size = 0
    this.#release()
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        this.#size -= chunk.data.length
        if (this.#paused) {
          if (this.#size < queueLimit / 2) this.#release()
          else this.#arm()
        }
        yield chunk
        continue
      }
      if (this.#error !== undefined) throw this.#error
      if (this.#ended || this.#dropped) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }

  #arm(): void {
    clearTimeout(this.#timer)
    if (this.#stallLimit === Infinity) return
    this.#timer = setTimeout(() => {
      this.#cutOff()
    }, this.#stallLimit)
    this.#timer.unref()
  }

  #cutOff(): void {
    const waiting = this.#size
    this.drop()
    this.end(
      new RuntimeError('ATTACH_OVERFLOW', `The client was cut off: it left ${String(waiting)} bytes of output unread`, {
        hint: 'read faster, or read the log, which has everything',
      }),
    )
  }

  #release(): void {
    clearTimeout(this.#timer)
    if (!this.#paused) return
    this.#paused = false
    this.#flow.resume()
  }
}
