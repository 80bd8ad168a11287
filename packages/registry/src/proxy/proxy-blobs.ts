import type { Digest } from '@gantry/oci'
import { describeBlob } from '../blobs.ts'
import { emitEvent } from '../emit-event.ts'
import type { Answer, RegistryRequest, RegistryResponse, Settled } from '../exchange.ts'
import type { RegistryEvent } from '../registry-event.ts'
import { BlobFill } from './blob-fill.ts'
import type { FillReader } from './fill-reader.ts'
import { Flights } from './flights.ts'
import type { ProxyParts, ProxyTarget } from './proxy-parts.ts'
import { ShortMemory } from './short-memory.ts'
import { UpstreamFailure, upstreamWireError } from './upstream-failure.ts'

const negativeLifetime = 10_000
/** How long the answer to a HEAD is taken for true, in milliseconds: a blob does not change, but may be taken away. */
const headLifetime = 60_000
const farRange = 64 * 1024 * 1024
/** A blob up to this size is answered when all of it is there: it does not take long, and a failure can still be said. */
const small = 64 * 1024

/** Blobs of upstreams: those that the core does not have are given to the client while they come. */
export class ProxyBlobs {
  readonly #parts: ProxyParts
  readonly #fills = new Map<string, BlobFill>()
  readonly #heads = new Flights<number | undefined>()
  readonly #sizes: ShortMemory<number>

  constructor(parts: ProxyParts) {
    this.#parts = parts
    this.#sizes = new ShortMemory(parts.now)
  }

  /** What is under way. */
  get all(): readonly Promise<unknown>[] {
    return [...this.#heads.all, ...[...this.#fills.values()].map((fill) => fill.done)]
  }

  /** Gives up what is under way. */
  cancel(reason: Error): void {
    for (const fill of this.#fills.values()) fill.cancel(reason)
  }

  /** `GET` and `HEAD`. */
  async answer(
    target: ProxyTarget,
    request: RegistryRequest,
    { digest, next }: { readonly digest: Digest; readonly next: Answer },
  ): Promise<RegistryResponse> {
    try {
      if (await this.#isHere(target, digest)) {
        this.#tell('cache-hit', target, request, digest)
        return await next(request)
      }
      this.#tell('cache-miss', target, request, digest)
      if (await this.#adopt(target, digest)) return await next(request)
      if (request.method === 'HEAD') return await this.#head(target, request, { digest, next })
      return await this.#get(target, request, { digest, next })
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error
      throw upstreamWireError(error, 'BLOB_UNKNOWN', `the repository ${target.repository} has no blob ${digest}`)
    }
  }

  /** Joins the fetching of a blob, or begins it. The caller holds it, and releases it. */
  open(target: ProxyTarget, digest: Digest): BlobFill {
    const { repository, upstream, remote } = target
    const key = keyOf(target, digest)
    const known = this.#fills.get(key)
    if (known?.isOpen === true) {
      known.hold()
      return known
    }
    const { storage, config, absent, onError } = this.#parts
    const fill = new BlobFill({
      storage,
      upstream,
      repository: remote,
      digest,
      show: () => this.#show(repository, digest),
      finish: config.finishFills ?? true,
      farRange: config.farRange ?? farRange,
    })
    fill.hold()
    this.#fills.set(key, fill)
    const forget = (): void => {
      if (this.#fills.get(key) === fill) this.#fills.delete(key)
    }
    fill.done.then(forget, (error: unknown) => {
      forget()
      if (error instanceof UpstreamFailure && !error.isPassing) {
        absent.set(key, error, upstream.config.negativeLifetime ?? negativeLifetime)
      } else if (!fill.isCancelled) onError?.(error)
    })
    return fill
  }

  async #get(
    target: ProxyTarget,
    request: RegistryRequest,
    { digest, next }: { readonly digest: Digest; readonly next: Answer },
  ): Promise<RegistryResponse> {
    const missing = this.#parts.absent.get(keyOf(target, digest))
    if (missing !== undefined) throw missing
    // It may have come while it was asked about.
    if (await this.#isHere(target, digest)) return next(request)
    const fill = this.open(target, digest)
    try {
      const size = await fill.started
      if (size !== undefined && size <= small) {
        await fill.done
        return await next(request)
      }
      return this.#follow(target, request, { digest, fill })
    } finally {
      fill.release()
    }
  }

  #follow(
    { repository }: ProxyTarget,
    request: RegistryRequest,
    { digest, fill }: { readonly digest: Digest; readonly fill: BlobFill },
  ): RegistryResponse {
    const { size } = fill
    // Of a blob of unknown size no range can be told, and no length.
    if (size === undefined) {
      const {
        'Content-Length': _length,
        'Accept-Ranges': _ranges,
        ...headers
      } = describeBlob(without(request), digest, 1).response.headers
      const body = fill.read(0, undefined)
      return { status: 200, headers, body, settled: closing(body) }
    }
    const { response, part } = describeBlob(request, digest, size)
    if (part === undefined) return response
    emitEvent(this.#parts, request, { kind: 'blob-pull', repository, digest, size: part.end - part.start })
    const body = fill.read(part.start, part.end)
    return { ...response, body, settled: closing(body) }
  }

  async #head(
    target: ProxyTarget,
    request: RegistryRequest,
    { digest, next }: { readonly digest: Digest; readonly next: Answer },
  ): Promise<RegistryResponse> {
    const size = this.#fills.get(keyOf(target, digest))?.size ?? (await this.#size(target, digest))
    if (size !== undefined) return describeBlob(request, digest, size).response
    const fill = this.open(target, digest)
    try {
      await fill.done
    } finally {
      fill.release()
    }
    return next(request)
  }

  /** The size of a blob at the upstream; `undefined` when it does not say. */
  async #size(target: ProxyTarget, digest: Digest): Promise<number | undefined> {
    const key = keyOf(target, digest)
    const known = this.#sizes.get(key)
    if (known !== undefined) return known
    const { absent, signal } = this.#parts
    const missing = absent.get(key)
    if (missing !== undefined) throw missing
    const { upstream, remote } = target
    return this.#heads.join(key, async () => {
      try {
        const response = await upstream.document(() =>
          upstream.attempt(
            async (endpoint) => endpoint.send({ method: 'HEAD', repository: remote, rest: `blobs/${digest}`, signal }),
            { isUrgent: true, signal },
          ),
        )
        await response.discard()
        const length = response.header('content-length') ?? ''
        if (!/^\d{1,15}$/.test(length)) return undefined
        this.#sizes.set(key, Number(length), headLifetime)
        return Number(length)
      } catch (error) {
        // Some give blobs and do not describe them.
        if (error instanceof UpstreamFailure && error.status === 405) return undefined
        if (error instanceof UpstreamFailure && !error.isPassing) {
          absent.set(key, error, upstream.config.negativeLifetime ?? negativeLifetime)
        }
        throw error
      }
    })
  }

  /**
   * Shows a blob that another repository brought here, when the upstream has it in this one too: who may not have it there must
   * not get it here.
   */
  async #adopt(target: ProxyTarget, digest: Digest): Promise<boolean> {
    const { storage } = this.#parts
    const here = await storage.size(digest)
    if (here === undefined || this.#fills.has(keyOf(target, digest))) return false
    if ((await this.#size(target, digest)) !== here || (await storage.touch(digest)) !== here) return false
    this.#show(target.repository, digest)
    return true
  }

  #show(repository: string, digest: Digest): void {
    const { state, catalog } = this.#parts
    state.transaction(() => catalog.linkBlob(catalog.ensure(repository), digest))
  }

  async #isHere({ repository }: ProxyTarget, digest: Digest): Promise<boolean> {
    const { catalog, storage } = this.#parts
    const id = catalog.find(repository)
    if (id === undefined || !catalog.hasBlob(id, digest)) return false
    return (await storage.size(digest)) !== undefined
  }

  #tell(
    kind: Extract<RegistryEvent['kind'], `cache-${string}`>,
    { repository, upstream }: ProxyTarget,
    request: RegistryRequest,
    digest: Digest,
  ): void {
    emitEvent(this.#parts, request, { kind, repository, upstream: upstream.name, digest })
  }
}

/** Who hangs up is not waited for. What is said to be complete may still be read, by who took the answer over. */
function closing(body: FillReader): (end: Settled) => void {
  return ({ completed }) => {
    if (!completed) body.close()
  }
}

function keyOf({ repository }: ProxyTarget, digest: Digest): string {
  return `${repository} ${digest}`
}

/** The request without what asks for a part. */
function without(request: RegistryRequest): RegistryRequest {
  return { ...request, header: (name) => (name === 'range' ? undefined : request.header(name)) }
}
