import { abortable, ImageError } from '@gantry/image'
import type { BlobSource, DriveOptions } from '@gantry/image'
import { digestAlgorithm } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import { CountedBody } from './counted-body.ts'
import { enough } from './download.ts'
import { RegistryError } from './registry-error.ts'
import { isPassing, isPassingFailure, waitBefore } from './retry.ts'
import { UploadSession } from './upload-session.ts'
import type { UploadPlace } from './upload-session.ts'
import type { RememberedUpload } from './upload-memory.ts'

/**
 * Uploads to one repository. A blob goes by mount, else in one `PUT`; a large one in chunks. What breaks off is gone on with where
 * the registry says that it is, in this process and, where uploads are remembered, in the next one.
 */
export class Uploads {
  readonly #place: UploadPlace
  /** Sessions that a mount opened because it could not mount. */
  readonly #opened = new Map<Digest, string>()

  constructor(place: UploadPlace) {
    this.#place = place
  }

  /** Asks the registry to take the blob from a repository of its own, or from wherever it has it; whether it did. */
  async mount(digest: Digest, from: string | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    const { connection, repository, scopes, purpose } = this.#place
    const query = new URLSearchParams({ mount: digest, ...(from === undefined ? {} : { from }) })
    const response = await connection.send({
      method: 'POST',
      url: `/v2/${repository}/blobs/uploads/?${query.toString()}`,
      headers: { 'content-length': '0' },
      scopes: from === undefined ? scopes : [...scopes, `repository:${from}:pull`],
      purpose,
      signal,
      // Not being allowed to read there is no reason not to push here.
      accept: [400, 401, 403, 404, 405],
    })
    await response.discard()
    if (response.status === 201) return true
    const location = response.header('location')
    if (response.status === 202 && location !== undefined) this.#opened.set(digest, location)
    return false
  }

  /**
   * Pushes a body that can be read once: opens a session and sends it in one `PUT`.
   *
   * @throws {ImageError} SIZE_MISMATCH, DIGEST_MISMATCH
   */
  async push(descriptor: Descriptor, body: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<void> {
    const session = await this.#begin(descriptor, signal)
    const counted = new CountedBody(abortable(body, signal), descriptor, descriptor.size)
    try {
      await session.finish(descriptor, counted, { start: 0, signal })
    } catch (error) {
      await session.cancel()
      signal?.throwIfAborted()
      // What went wrong with the body explains what the registry or the connection said of it.
      if (counted.failure !== undefined) throw counted.failure.error
      throw isDigestRefusal(error) ? mismatch(descriptor, error) : error
    }
    if (counted.failure !== undefined) throw counted.failure.error
  }

  /**
   * Pushes a blob that can be read again: what breaks off is gone on with.
   *
   * @throws {ImageError} SIZE_MISMATCH, DIGEST_MISMATCH
   */
  async draw(descriptor: Descriptor, from: BlobSource, options: DriveOptions): Promise<void> {
    const { registry } = this.#place.connection
    const { repository, uploads, limits } = this.#place
    const isWorthIt = descriptor.size >= limits.segment
    using remembered = isWorthIt ? uploads.open({ registry, repository, digest: descriptor.digest }) : undefined
    const begin = this.#begin.bind(this)
    const isThere = this.#isThere.bind(this)
    await new Drawing(this.#place, { descriptor, from, options, remembered, begin, isThere }).run()
  }

  async #begin({ digest }: Descriptor, signal: AbortSignal | undefined): Promise<UploadSession> {
    const opened = this.#opened.get(digest)
    this.#opened.delete(digest)
    if (opened !== undefined) return new UploadSession(this.#place, opened)
    return UploadSession.begin(this.#place, digestAlgorithm(digest), signal)
  }

  async #isThere({ digest }: Descriptor, signal: AbortSignal | undefined): Promise<boolean> {
    const { connection, repository, scopes, purpose } = this.#place
    const url = `/v2/${repository}/blobs/${digest}`
    const accept = [400, 403, 404, 405]
    const response = await connection.send({ method: 'HEAD', url, scopes, purpose, signal, accept, mirrors: false })
    await response.discard()
    return response.status === 200
  }
}

interface DrawWork {
  readonly isThere: (descriptor: Descriptor, signal: AbortSignal | undefined) => Promise<boolean>
  readonly descriptor: Descriptor
  readonly from: BlobSource
  readonly options: DriveOptions
  readonly remembered: RememberedUpload | undefined
  readonly begin: (descriptor: Descriptor, signal: AbortSignal | undefined) => Promise<UploadSession>
}

/** One blob on its way to a registry. */
class Drawing {
  readonly #place: UploadPlace
  readonly #work: DrawWork
  #session: UploadSession | undefined
  /** How far the registry has it. */
  #offset = 0
  /** False once the registry has refused a chunk as such. */
  #takesChunks = true

  constructor(place: UploadPlace, work: DrawWork) {
    this.#place = place
    this.#work = work
  }

  async run(): Promise<void> {
    const { connection, purpose } = this.#place
    const { descriptor, remembered, options } = this.#work
    const { signal } = options
    const { location } = remembered ?? {}
    if (location !== undefined) await this.#resume(new UploadSession(this.#place, location))
    let furthest = this.#offset
    for (let attempt = 0; ;) {
      signal?.throwIfAborted()
      const session = await this.#open()
      try {
        await this.#send(session)
        remembered?.forget()
        return
      } catch (error) {
        signal?.throwIfAborted()
        if (isDigestRefusal(error)) await this.#giveUp(mismatch(descriptor, error))
        if (error instanceof UploadLost) this.#restart()
        else if (!mayPass(error, attempt)) await this.#giveUp(error)
        const wait = waitBefore(
          connection.retry,
          attempt,
          error instanceof RegistryError ? error.retryAfter : undefined,
        )
        // What the registry has stays there, for the next push of the same blob.
        if (wait === undefined) throw connection.failure(error, { purpose, signal })
        attempt += 1
        await connection.retry.sleep(wait, signal)
        if (await this.#recover(error)) return
        if (this.#offset - furthest >= enough) attempt = 0
        furthest = Math.max(furthest, this.#offset)
      }
    }
  }

  async #open(): Promise<UploadSession> {
    this.#session ??= await this.#work.begin(this.#work.descriptor, this.#work.options.signal)
    this.#work.remembered?.moved(this.#session.location)
    return this.#session
  }

  /** Forgets the session, so that the next try opens another. */
  #restart(): void {
    this.#work.remembered?.forget()
    this.#session = undefined
    this.#offset = 0
  }

  async #send(session: UploadSession): Promise<void> {
    const { descriptor, remembered, options } = this.#work
    const { limits } = this.#place
    const chunk = Math.max(limits.chunk, session.leastChunk ?? 0)
    const isLarge = descriptor.size > limits.chunkAbove
    while (this.#takesChunks && isLarge && descriptor.size - this.#offset > chunk) {
      await this.#sendChunk(session, chunk)
      remembered?.moved(session.location)
    }
    const body = this.#read(descriptor.size)
    try {
      await session.finish(descriptor, body, { start: this.#offset, signal: options.signal })
    } catch (error) {
      throw body.failure?.error ?? error
    }
    if (body.failure !== undefined) throw body.failure.error
  }

  async #sendChunk(session: UploadSession, size: number): Promise<void> {
    const { signal } = this.#work.options
    const end = this.#offset + size
    const body = this.#read(end)
    try {
      const offset = await session.append(body, { start: this.#offset, end, signal })
      if (offset === undefined) throw new UploadLost()
      this.#offset = offset
    } catch (error) {
      if (body.failure !== undefined) throw body.failure.error
      if (
        !(error instanceof RegistryError) ||
        error.status === undefined ||
        ![400, 404, 405, 501].includes(error.status)
      )
        throw error
      // Some registries know no chunks; that is found out with the first.
      if (this.#offset === 0) this.#takesChunks = false
      await session.cancel()
      throw new UploadLost()
    }
  }

  #read(end: number): CountedBody {
    const { descriptor, from, options } = this.#work
    const { signal, onBytes } = options
    const start = this.#offset
    const open = async function* (): AsyncGenerator<Uint8Array> {
      await using reader = await from.open(descriptor, {
        verify: false,
        ...(start === 0 && end === descriptor.size ? {} : { range: { start, end } }),
        ...(signal === undefined ? {} : { signal }),
      })
      yield* reader
    }
    return new CountedBody(abortable(open(), signal), descriptor, end - start, (bytes) => onBytes?.(start + bytes))
  }

  /** Asks the registry how far it has come, or begins again; whether it has all of it by now. */
  async #recover(error: unknown): Promise<boolean> {
    const { descriptor, options } = this.#work
    const before = this.#offset
    if (this.#session !== undefined) await this.#resume(this.#session)
    // It says one thing and does another.
    const isStuck = error instanceof RegistryError && error.status === 416 && this.#offset === before
    if (isStuck) this.#restart()
    // The answer may have been lost, and not the blob.
    return this.#session === undefined && (await this.#work.isThere(descriptor, options.signal))
  }

  async #resume(session: UploadSession): Promise<void> {
    const { descriptor, options } = this.#work
    const offset = await session.status(options.signal).catch(() => undefined)
    options.signal?.throwIfAborted()
    if (offset === undefined || offset > descriptor.size) return this.#restart()
    this.#session = session
    this.#offset = offset
    if (offset === 0) return
    const { registry } = this.#place.connection
    this.#place.onEvent?.({ kind: 'upload-resumed', registry, digest: descriptor.digest, offset })
    options.onBytes?.(offset)
  }

  async #giveUp(error: unknown): Promise<never> {
    const { connection, purpose } = this.#place
    this.#work.remembered?.forget()
    await this.#session?.cancel()
    throw connection.failure(error, { purpose, signal: this.#work.options.signal })
  }
}

/** The session is gone, or where it is cannot be told: it begins again. */
class UploadLost extends Error {
  override readonly name: string = 'UploadLost'
}

/** A session that the registry has lost, or does not see where we see it, is as passing as a broken connection. */
function mayPass(error: unknown, attempt: number): boolean {
  if (error instanceof UploadLost) return true
  if (!(error instanceof RegistryError) || error.status === undefined) return isPassingFailure(error, attempt)
  // The first 401 may be of a token that ended meanwhile.
  if (error.status === 401) return attempt === 0
  return isPassing(error.status) || error.status === 404 || error.status === 416
}

function isDigestRefusal(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'DIGEST_INVALID'
}

function mismatch({ digest }: Descriptor, cause: unknown): ImageError {
  return new ImageError('DIGEST_MISMATCH', `Cannot push ${digest}: the bytes that were sent have another digest`, {
    cause,
  })
}
