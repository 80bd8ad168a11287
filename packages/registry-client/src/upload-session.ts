import type { Digest, DigestAlgorithm } from '@gantry/oci'
import type { ClientEvent } from './client-event.ts'
import type { Ask, Asker } from './connection.ts'
import { parseUploadRange } from './content-range.ts'
import { RegistryError } from './registry-error.ts'
import type { TransferLimits } from './transfer-options.ts'
import type { HttpResponse } from './transport/transport.ts'
import type { UploadMemory } from './upload-memory.ts'

/** Where blobs are pushed to. */
export interface UploadPlace {
  readonly connection: Asker
  readonly repository: string
  readonly scopes: readonly string[]
  readonly purpose: string
  readonly limits: TransferLimits
  readonly uploads: UploadMemory
  readonly onEvent?: ((event: ClientEvent) => void) | undefined
}

interface SendOptions {
  /** Where the bytes begin in the blob. */
  readonly start: number
  readonly signal: AbortSignal | undefined
}

/**
 * An upload that a registry has opened. Its location is the registry's own, query and all, and changes with every answer.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs
 */
export class UploadSession {
  /** Chunks but the last must not be smaller, in bytes. */
  readonly leastChunk: number | undefined
  readonly #place: UploadPlace
  #location: string

  constructor(place: UploadPlace, location: string, leastChunk?: number) {
    this.#place = place
    this.#location = location
    this.leastChunk = leastChunk
  }

  /** Opens one. The algorithm is told where it is not the usual one, so that the registry need not read the bytes twice. */
  static async begin(
    place: UploadPlace,
    algorithm: DigestAlgorithm,
    signal: AbortSignal | undefined,
  ): Promise<UploadSession> {
    const { connection, repository, purpose } = place
    const query = algorithm === 'sha256' ? '' : `?digest-algorithm=${algorithm}`
    const url = `/v2/${repository}/blobs/uploads/${query}`
    const response = await ask(place, { method: 'POST', url, headers: { 'content-length': '0' }, signal })
    await response.discard()
    const location = response.header('location')
    if (location === undefined) {
      throw new RegistryError('PROTOCOL', `${purpose}: the registry opened an upload without a Location`, {
        status: response.status,
        registry: connection.registry,
      })
    }
    const least = Number(response.header('oci-chunk-min-length') ?? Number.NaN)
    return new UploadSession(place, location, Number.isSafeInteger(least) && least > 0 ? least : undefined)
  }

  /** Where it is now. */
  get location(): string {
    return this.#location
  }

  /** Sends bytes that are not the last. Resolves with how far the registry has it; `undefined` when it does not say it. */
  async append(
    body: AsyncIterable<Uint8Array>,
    { start, end, signal }: SendOptions & { readonly end: number },
  ): Promise<number | undefined> {
    const response = await ask(this.#place, {
      method: 'PATCH',
      url: this.#location,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(end - start),
        'content-range': `${start}-${end - 1}`,
      },
      body,
      signal,
      missing: 'BLOB_UPLOAD_UNKNOWN',
    })
    await response.discard()
    this.#follow(response)
    return parseUploadRange(response.header('range'))
  }

  /** Sends the rest of the blob, which may be nothing, and ends the upload. */
  async finish(
    { digest, size }: { readonly digest: Digest; readonly size: number },
    body: AsyncIterable<Uint8Array>,
    { start, signal }: SendOptions,
  ): Promise<void> {
    const length = { 'content-length': String(size - start) }
    const range = start > 0 && start < size ? { 'content-range': `${start}-${size - 1}` } : {}
    const response = await ask(this.#place, {
      method: 'PUT',
      url: withDigest(this.#location, digest),
      headers: { 'content-type': 'application/octet-stream', ...length, ...range },
      ...(start === size && size > 0 ? {} : { body }),
      signal,
      missing: 'BLOB_UPLOAD_UNKNOWN',
    })
    await response.discard()
  }

  /** How many bytes the registry has; `undefined` when the upload is gone. */
  async status(signal: AbortSignal | undefined): Promise<number | undefined> {
    const accept = [400, 404, 405, 410]
    const response = await ask(this.#place, { method: 'GET', url: this.#location, signal, accept })
    await response.discard()
    if (response.status >= 300) return undefined
    this.#follow(response)
    return parseUploadRange(response.header('range'))
  }

  /** Gives it up. Not every registry can, and it cleans up by itself in time. */
  async cancel(): Promise<void> {
    const signal = AbortSignal.timeout(2000)
    try {
      const accept = [400, 404, 405]
      const response = await ask(this.#place, { method: 'DELETE', url: this.#location, signal, accept })
      await response.discard()
    } catch {
      // The failure that led here is the one to report.
    }
  }

  #follow(response: HttpResponse): void {
    this.#location = response.header('location') ?? this.#location
  }
}

function ask(
  { connection, scopes, purpose }: UploadPlace,
  request: Omit<Ask, 'scopes' | 'purpose'>,
): Promise<HttpResponse> {
  return connection.send({ ...request, scopes, purpose })
}

/** The query of a location is the registry's own and stays as it is. */
function withDigest(location: string, digest: Digest): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`
}
