import { abortable, ImageError, resolveRange, verified } from '@gantry/image'
import type { BlobReader, Hashing, OpenOptions } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'
import type { Asker } from './connection.ts'
import { parseContentRange } from './content-range.ts'
import { isPassingFailure, waitBefore } from './retry.ts'
import type { HttpResponse } from './transport/transport.ts'

/** Progress of so many bytes makes failures count afresh. */
export const enough: number = 64 * 1024

/** What mirrors give of a blob up to this size is checked before it is passed on; larger ones can be opened again elsewhere. */
const littleBlob = 4 * 1024 * 1024

/** Where a blob is asked for. */
export interface DownloadPlace {
  readonly connection: Asker
  readonly hashing: Hashing
  /** `/v2/app/blobs/sha256:...`. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly scopes: readonly string[]
  readonly purpose: string
  /** False: from no mirror. */
  readonly mirrors?: boolean
  /** Not from these mirrors. */
  readonly without?: readonly string[]
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
  const first = await requestBlob(place, descriptor, { start, end, signal })
  const mirrors = new Set(place.without)
  const raw = read(place, descriptor, { start, end, signal, first, mirrors })
  const checked = isWhole && options.verify !== false ? verified(raw, descriptor, place.hashing) : raw
  const reader = readerOver(abortable(checked, signal), end - start, () => first.discard())
  if (first.mirror === undefined) return reader
  return { ...reader, again: (next) => download({ ...place, without: [...mirrors] }, descriptor, next) }
}

interface Part {
  readonly start: number
  readonly end: number
  readonly signal: AbortSignal | undefined
}

/**
 * Asks for a part of a blob. Ranges are closed: some registries refuse open ones. One that refuses all of them is asked for
 * everything.
 *
 * @throws {ImageError} BLOB_UNKNOWN
 */
export async function requestBlob(
  place: DownloadPlace,
  descriptor: Descriptor,
  { start, end, signal }: Part,
): Promise<HttpResponse> {
  const { digest, size } = descriptor
  const { connection, url, headers = {}, scopes, purpose, mirrors, without } = place
  const isWhole = start === 0 && end === size
  const expects = isWhole && size <= littleBlob ? { expects: descriptor } : {}
  const ask = (range: Readonly<Record<string, string>>, accept: readonly number[]): Promise<HttpResponse> =>
    connection.send({
      method: 'GET',
      url,
      headers: { ...headers, ...range },
      scopes,
      purpose,
      signal,
      accept,
      missing: 'BLOB_UNKNOWN',
      ...(mirrors === undefined ? {} : { mirrors }),
      ...(without === undefined ? {} : { without }),
      ...expects,
    })
  let response = await ask(isWhole ? {} : { range: `bytes=${start}-${end - 1}` }, isWhole ? [404] : [404, 416])
  if (response.status === 416) {
    await response.discard()
    response = await ask({}, [404])
  }
  if (response.status !== 404) return response
  await response.discard()
  throw new ImageError('BLOB_UNKNOWN', `${purpose}: ${connection.registry} does not have ${digest}`)
}

/** Says that a blob ended before it should have. */
export function isCutOff({ purpose }: DownloadPlace, { digest, size }: Descriptor, position: number): ImageError {
  return new ImageError('SIZE_MISMATCH', `${purpose}: ${digest} ended after ${position} bytes, expected ${size}`)
}

/** The bytes of a part in an answer with that part or with everything. */
export function bytesOf(
  response: HttpResponse,
  { start, end }: { readonly start: number; readonly end: number },
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  return abortable(partOf(response, start, end, descriptor), signal)
}

async function* read(
  place: DownloadPlace,
  descriptor: Descriptor,
  { start, end, signal, first, mirrors }: Part & { readonly first: HttpResponse; readonly mirrors: Set<string> },
): AsyncGenerator<Uint8Array> {
  const { connection, purpose } = place
  let response = first
  let position = start
  let resumed = start
  for (let attempt = 0; ;) {
    if (response.mirror !== undefined) mirrors.add(response.mirror)
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
      // A mirror that breaks off again and again is no help.
      const from = attempt > 2 ? { ...place, mirrors: false } : place
      response = await requestBlob(from, descriptor, { start: position, end, signal })
    }
  }
  if (position < end) throw isCutOff(place, descriptor, position)
}

/** A server that knows no ranges sends all of it, of which the part is taken. What is too much of a whole blob shows. */
async function* partOf(
  response: HttpResponse,
  start: number,
  end: number,
  { size }: Descriptor,
): AsyncGenerator<Uint8Array> {
  if (response.status === 206) checkRange(response, start, size)
  let position = response.status === 206 ? start : 0
  // Of everything, too, only the part is wanted; that more of it comes than there should be is told at its end.
  const limit = end === size && start === 0 ? Infinity : end
  for await (const chunk of response.body) {
    // Looked at when more comes: a body that is read to its end leaves a connection that can be used again.
    if (position >= limit) return
    const from = Math.max(start - position, 0)
    const to = Math.min(limit - position, chunk.length)
    position += chunk.length
    if (from < to) yield from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to)
  }
}

function checkRange(response: HttpResponse, start: number, size: number): void {
  const range = parseContentRange(response.header('content-range'))
  if (range === undefined) return
  const at = `Cannot read from byte ${start}`
  if (range.start !== start) {
    throw new ImageError('RANGE_INVALID', `${at}: the registry sent from byte ${range.start}`)
  }
  if (range.size !== undefined && range.size !== size) {
    throw new ImageError('SIZE_MISMATCH', `${at}: the registry has ${range.size} bytes, expected ${size}`)
  }
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
