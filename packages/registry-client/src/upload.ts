import { abortable, ImageError } from '@gantry/image'
import type { Descriptor, Digest } from '@gantry/oci'
import type { Connection } from './connection.ts'
import { RegistryError } from './registry-error.ts'
import type { HttpResponse } from './transport.ts'

/** Where blobs are pushed to. */
export interface UploadPlace {
  readonly connection: Connection
  readonly repository: string
  readonly scopes: readonly string[]
  readonly purpose: string
}

/** Uploads to one repository. */
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
   * Pushes a blob: opens a session and sends it in one `PUT`.
   *
   * @throws {ImageError} SIZE_MISMATCH, DIGEST_MISMATCH
   */
  async push(descriptor: Descriptor, body: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<void> {
    const { connection, scopes, purpose } = this.#place
    const location = await this.#session(descriptor.digest, signal)
    const counted = new CountedBody(abortable(body, signal), descriptor)
    let response: HttpResponse
    try {
      response = await connection.send({
        method: 'PUT',
        url: withDigest(location, descriptor.digest),
        headers: { 'content-type': 'application/octet-stream', 'content-length': String(descriptor.size) },
        body: counted,
        scopes,
        purpose,
        signal,
        missing: 'BLOB_UPLOAD_UNKNOWN',
      })
    } catch (error) {
      await this.#cancel(location)
      signal?.throwIfAborted()
      // What went wrong with the body explains what the registry or the connection said of it.
      if (counted.failure !== undefined) throw counted.failure.error
      throw isDigestRefusal(error) ? mismatch(descriptor, error) : error
    }
    await response.discard()
    if (counted.failure !== undefined) throw counted.failure.error
  }

  async #session(digest: Digest, signal: AbortSignal | undefined): Promise<string> {
    const opened = this.#opened.get(digest)
    this.#opened.delete(digest)
    if (opened !== undefined) return opened
    const { connection, repository, scopes, purpose } = this.#place
    const response = await connection.send({
      method: 'POST',
      url: `/v2/${repository}/blobs/uploads/`,
      headers: { 'content-length': '0' },
      scopes,
      purpose,
      signal,
    })
    await response.discard()
    const location = response.header('location')
    if (location !== undefined) return location
    throw new RegistryError('PROTOCOL', `${purpose}: the registry opened an upload without a Location`, {
      status: response.status,
      registry: connection.registry,
    })
  }

  /** Not every registry can, and it cleans up by itself in time. */
  async #cancel(location: string): Promise<void> {
    const { connection, scopes, purpose } = this.#place
    const signal = AbortSignal.timeout(2000)
    try {
      const response = await connection.send({
        method: 'DELETE',
        url: location,
        scopes,
        purpose,
        signal,
        accept: [400, 404, 405],
      })
      await response.discard()
    } catch {
      // The failure that led here is the one to report.
    }
  }
}

/** Fails a body of another length than was announced, and remembers why it failed. */
class CountedBody implements AsyncIterable<Uint8Array> {
  failure: { readonly error: unknown } | undefined
  readonly #body: AsyncIterable<Uint8Array>
  readonly #descriptor: Descriptor

  constructor(body: AsyncIterable<Uint8Array>, descriptor: Descriptor) {
    this.#body = body
    this.#descriptor = descriptor
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const { digest, size } = this.#descriptor
    let seen = 0
    try {
      for await (const chunk of this.#body) {
        seen += chunk.length
        if (seen > size) {
          throw new ImageError('SIZE_MISMATCH', `Cannot push ${digest}: more than the expected ${size} bytes came`)
        }
        yield chunk
      }
      if (seen < size) {
        throw new ImageError('SIZE_MISMATCH', `Cannot push ${digest}: ${seen} bytes came, expected ${size}`)
      }
    } catch (error) {
      this.failure = { error }
      throw error
    }
  }
}

/** The query of a location is the registry's own and stays as it is. */
function withDigest(location: string, digest: Digest): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`
}

function isDigestRefusal(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'DIGEST_INVALID'
}

function mismatch({ digest }: Descriptor, cause: unknown): ImageError {
  return new ImageError('DIGEST_MISMATCH', `Cannot push ${digest}: the bytes that were sent have another digest`, {
    cause,
  })
}
