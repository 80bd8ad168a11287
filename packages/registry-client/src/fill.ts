import { releaseChunk } from '@gantry/codec/release-chunk'
import { ImageError } from '@gantry/image'
import type { DriveOptions, PartialBlob, Span } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'
import type { ClientEvent } from './client-event.ts'
import { bytesOf, enough, isCutOff, requestBlob } from './download.ts'
import type { DownloadPlace } from './download.ts'
import { isPassingFailure, waitBefore } from './retry.ts'
import type { TransferLimits } from './transfer-options.ts'
import type { HttpResponse } from './transport/transport.ts'

/** Bytes are written together when there are so many of them. */
const writeSize = 512 * 1024
/** Or when so many milliseconds have gone by: on a slow line, too, little is lost with the process. */
const writeEvery = 200

/** Where and how a blob is pulled in parts. */
export interface FillPlace extends DownloadPlace {
  readonly limits: TransferLimits
  readonly onEvent?: ((event: ClientEvent) => void) | undefined
}

/**
 * Pulls what is missing of a blob: closed ranges over several connections, the lowest first, so that it can be hashed as it comes.
 * A server that knows no ranges is read from the start over one. What came stays when this fails, for the next try or the next
 * process. Bytes that turn out to be wrong are all fetched again, once, over one connection and from no mirror.
 *
 * @throws {ImageError} BLOB_UNKNOWN, DIGEST_MISMATCH, SIZE_MISMATCH
 */
export async function fill(
  place: FillPlace,
  descriptor: Descriptor,
  partial: PartialBlob,
  options: DriveOptions = {},
): Promise<void> {
  await new Filling(place, { descriptor, partial, options, connections: place.limits.connections }).run()
  try {
    await partial.commit()
  } catch (error) {
    if (!(error instanceof ImageError) || error.code !== 'DIGEST_MISMATCH') throw error
    const { digest } = descriptor
    place.onEvent?.({ kind: 'restart', registry: place.connection.registry, digest })
    const origin = { ...place, mirrors: false }
    await new Filling(origin, { descriptor, partial, options, connections: 1 }).run()
    await partial.commit()
  }
}

interface Work {
  readonly descriptor: Descriptor
  readonly partial: PartialBlob
  readonly options: DriveOptions
  readonly connections: number
}

class Filling {
  readonly #place: FillPlace
  readonly #work: Work
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #segments: Span[]
  /** Two for each connection that was ever open at once. */
  readonly #buffers: Buffer[] = []
  #bytes: number
  /** False as soon as a server answers a range with everything. */
  #knowsRanges = true

  constructor(place: FillPlace, work: Work) {
    const { signal } = work.options
    this.#place = place
    this.#work = work
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal])
    const missing = work.partial.missing()
    this.#segments = work.connections === 1 ? [...missing] : missing.flatMap((span) => cut(span, place.limits.segment))
    this.#bytes = missing.reduce((rest, { start, end }) => rest - (end - start), work.descriptor.size)
  }

  async run(): Promise<void> {
    const first = this.#segments.shift()
    if (first === undefined) return
    // The first answer tells whether the server knows ranges; the others begin when it is there.
    let begin: (() => void) | undefined
    const answered = new Promise<void>((resolve) => (begin = resolve))
    const leading = this.#fetch(first, () => begin?.()).finally(() => begin?.())
    const others = Array.from({ length: this.#work.connections - 1 }, async () => {
      await answered
      await this.#drain()
    })
    const lead = async (): Promise<void> => {
      await leading
      await this.#drain()
    }
    let failure: { readonly error: unknown } | undefined
    const all = [lead(), ...others].map((each) =>
      each.catch((error: unknown) => {
        failure ??= { error }
        this.#stop.abort(error)
      }),
    )
    await Promise.all(all)
    this.#work.options.signal?.throwIfAborted()
    if (failure !== undefined) throw failure.error
  }

  async #drain(): Promise<void> {
    while (this.#knowsRanges && !this.#signal.aborted) {
      const segment = this.#segments.shift()
      if (segment === undefined) return
      await this.#fetch(segment)
    }
  }

  #fetch(segment: Span, onAnswer?: () => void): Promise<void> {
    const { limits, connection } = this.#place
    return limits.limit(connection.registry, () => this.#fetchNow(segment, onAnswer))
  }

  async #fetchNow(segment: Span, onAnswer: (() => void) | undefined): Promise<void> {
    const { descriptor } = this.#work
    const { connection, purpose } = this.#place
    let { start, end } = segment
    for (let attempt = 0; ;) {
      const before = start
      try {
        const place = attempt > 1 ? { ...this.#place, mirrors: false } : this.#place
        const part = { start, end, signal: this.#signal }
        const response = await requestBlob(place, descriptor, part)
        const isWhole = response.status !== 206
        if (isWhole) this.#knowsRanges = false
        onAnswer?.()
        // What a server sends that knows no ranges is taken to its end; it would only send it again.
        if (isWhole) end = descriptor.size
        await this.#take(response, { start, end }, (position) => (start = position))
        if (start >= end) return
        if (!isWhole && start - before >= enough) continue
        throw isCutOff(this.#place, descriptor, start)
      } catch (error) {
        if (start - before >= enough) attempt = 0
        const wait = isPassingFailure(error, attempt) ? waitBefore(connection.retry, attempt, undefined) : undefined
        if (wait === undefined || this.#signal.aborted)
          throw connection.failure(error, { purpose, signal: this.#signal })
        attempt += 1
        await connection.retry.sleep(wait, this.#signal)
      }
    }
  }

  /**
   * Writes while the next bytes come. What came before a failure is written too. Chunks are copied: they die young then, and the
   * memory that they were in is used again at once.
   */
  async #take(response: HttpResponse, { start, end }: Span, onWritten: (position: number) => void): Promise<void> {
    let buffer = this.#buffers.pop() ?? Buffer.allocUnsafeSlow(writeSize)
    let other = this.#buffers.pop() ?? Buffer.allocUnsafeSlow(writeSize)
    let filled = 0
    let position = start
    let writing: Promise<void> = Promise.resolve()
    let written = performance.now()
    const write = async (): Promise<void> => {
      await writing
      const [bytes, at, after] = [buffer.subarray(0, filled), position, position + filled]
      ;[buffer, other] = [other, buffer]
      position = after
      filled = 0
      written = performance.now()
      writing = this.#work.partial.write(at, [bytes]).then(() => onWritten(after))
      writing.catch(() => undefined)
    }
    try {
      for await (const chunk of bytesOf(response, { start, end }, this.#work.descriptor, this.#signal)) {
        if (position + filled + chunk.length > end) {
          const { digest, size: expected } = this.#work.descriptor
          throw new ImageError('SIZE_MISMATCH', `Cannot read ${digest}: more than the expected ${expected} bytes came`)
        }
        for (let taken = 0; taken < chunk.length;) {
          const part = chunk.subarray(taken, taken + writeSize - filled)
          buffer.set(part, filled)
          filled += part.length
          taken += part.length
          if (filled === writeSize) await write()
        }
        this.#count(chunk.length)
        releaseChunk(chunk)
        if (filled > 0 && performance.now() - written > writeEvery) await write()
      }
    } finally {
      try {
        if (filled > 0) await write()
        await writing
      } finally {
        this.#buffers.push(buffer, other)
      }
    }
  }

  #count(bytes: number): void {
    // Bytes that are fetched again are not counted beyond the size.
    this.#bytes = Math.min(this.#bytes + bytes, this.#work.descriptor.size)
    this.#work.options.onBytes?.(this.#bytes)
  }
}

/** Pieces of a span, of which none is larger than `size`. */
function cut({ start, end }: Span, size: number): Span[] {
  const pieces: Span[] = []
  for (let from = start; from < end; from += size) pieces.push({ start: from, end: Math.min(from + size, end) })
  return pieces
}
