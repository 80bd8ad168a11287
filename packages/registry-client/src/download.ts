import { abortable, ImageError, resolveRange, verified } from '@gantry/image'
import type { BlobReader, Hashing, OpenOptions } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'
import type { Connection } from './connection.ts'
import { isPassingFailure, waitBefore } from './retry.ts'
import type { HttpResponse } from './transport.ts'

const enough = 64 * 1024

/** Where a blob is asked for. */
export interface DownloadPlace {
  readonly connection: Connection
  readonly hashing: Hashing
  /** `/v2/app/blobs/sha256:...`. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly scopes: readonly string[]
  readonly purpose: string
}

/**
 * Opens a blob, or a part of one. When the connection breaks on the way, it is gone on with where it broke.
 *
 * @throws {ImageError} BLOB_UNKNOWN, RANGE_INVALID
 */
export async function download(
  place: DownloadPlace,
  descriptor: Descriptor,
  options: OpenOptions = {},
): Promise<BlobReader> {
  const { signal } = options
  signal?.throwIfAborted()
  const { start, end } = resolveRange(descriptor.size, options.range)
  if (start === end && descriptor.size > 0) return readerOver(noBytes(), 0, async () => undefined)
  const isWhole = start === 0 && end === descriptor.size
  const first = await request(place, descriptor, { start, end, signal })
  const raw = read(place, descriptor, { start, end, signal, first })
  const checked = isWhole && options.verify !== false ? verified(raw, descriptor, place.hashing) : raw
  return readerOver(abortable(checked, signal), end - start, () => first.discard())
}

interface Part {
  readonly start: number
  readonly end: number
  readonly signal: AbortSignal | undefined
}

/** Ranges are closed: some registries refuse open ones. */
async function request(place: DownloadPlace, { digest, size }: Descriptor, part: Part): Promise<HttpResponse> {
  const { connection, url, headers = {}, scopes, purpose } = place
  const { start, end, signal } = part
  const range = start === 0 && end === size ? {} : { range: `bytes=${start}-${end - 1}` }
  const response = await connection.send({
    method: 'GET',
    url,
    headers: { ...headers, ...range },
    scopes,
    purpose,
    signal,
    accept: [404],
    missing: 'BLOB_UNKNOWN',
  })
  if (response.status !== 404) return response
  await response.discard()
  throw new ImageError('BLOB_UNKNOWN', `${purpose}: ${connection.registry} does not have ${digest}`)
}

async function* read(
  place: DownloadPlace,
  descriptor: Descriptor,
  { start, end, signal, first }: Part & { readonly first: HttpResponse },
): AsyncGenerator<Uint8Array> {
  const { connection, purpose } = place
  let response = first
  let position = start
  let resumed = start
  for (let attempt = 0; ;) {
    try {
      for await (const chunk of partOf(response, position, end, descriptor)) {
        position += chunk.length
        yield chunk
      }
      break
    } catch (error) {
      // Counted afresh after enough came: a peer that gives a byte at a time must not keep us for ever.
      if (position - resumed >= enough) attempt = 0
      resumed = position
      const wait = isPassingFailure(error, attempt) ? waitBefore(connection.retry, attempt, undefined) : undefined
      if (wait === undefined || signal?.aborted === true) throw connection.failure(error, { purpose, signal })
      attempt += 1
      await connection.retry.sleep(wait, signal)
      if (position >= end) break
      response = await request(place, descriptor, { start: position, end, signal })
    }
  }
  if (position < end) {
    const { digest } = descriptor
    throw new ImageError('SIZE_MISMATCH', `${purpose}: ${digest} ended after ${position} bytes, expected ${end}`)
  }
}

/** A server that knows no ranges sends all of it, of which the part is taken. What is too much of a whole blob shows. */
async function* partOf(
  response: HttpResponse,
  start: number,
  end: number,
  { size }: Descriptor,
): AsyncGenerator<Uint8Array> {
  if (response.status === 206) checkRange(response, start)
  let position = response.status === 206 ? start : 0
  const limit = end === size ? Infinity : end
  for await (const chunk of response.body) {
    const from = Math.max(start - position, 0)
    const to = Math.min(limit - position, chunk.length)
    position += chunk.length
    if (from < to) yield from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to)
    if (position >= limit) return
  }
}

function checkRange(response: HttpResponse, start: number): void {
  const [, first] = /^bytes (\d+)-/.exec(response.header('content-range') ?? '') ?? []
  if (first === undefined || Number(first) === start) return
  throw new ImageError('RANGE_INVALID', `Cannot read from byte ${start}: the registry sent from byte ${first}`)
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

function readerOver(body: AsyncIterable<Uint8Array>, size: number, discard: () => Promise<void>): BlobReader {
  let started = false
  return {
    size,
    [Symbol.asyncIterator]() {
      started = true
      return body[Symbol.asyncIterator]()
    },
    async [Symbol.asyncDispose]() {
      // A body that somebody iterates is closed by that.
      if (!started) await discard()
    },
  }
}
