import type { Descriptor } from '@gantry/oci'
import { emitEvent } from '../emit-event.ts'
import { etagMatches } from '../etag-matches.ts'
import { emptyResponse } from '../exchange.ts'
import type { Answer, RegistryRequest, RegistryResponse } from '../exchange.ts'
import { storeManifest } from '../manifests.ts'
import type { RegistryEvent } from '../registry-event.ts'
import type { ManifestReference } from '../route.ts'
import { describeManifest, fetchManifest, textOf } from './fetch-manifest.ts'
import { Flights } from './flights.ts'
import type { ProxyParts, ProxyTarget } from './proxy-parts.ts'
import type { ProxyTag } from './proxy-tags.ts'
import { staleWarning } from './stale-warning.ts'
import { UpstreamFailure, upstreamWireError } from './upstream-failure.ts'

const tagLifetime = 5 * 60_000
const staleLifetime = 60 * 60_000
const negativeLifetime = 10_000

/** How a manifest is to be answered: the core has it, or only its description is known, which is enough for a HEAD. */
type Found =
  | { readonly kind: 'here'; readonly warning?: string }
  | { readonly kind: 'described'; readonly as: Descriptor }

/** Manifests of upstreams: what the core does not have, or has too old a tag of, is asked for. */
export class ProxyManifests {
  readonly #parts: ProxyParts
  readonly #flights = new Flights<Found>()
  readonly #refreshes = new Flights<void>()

  constructor(parts: ProxyParts) {
    this.#parts = parts
  }

  /** What is under way. */
  get all(): readonly Promise<unknown>[] {
    return [...this.#flights.all, ...this.#refreshes.all]
  }

  /** `GET` and `HEAD`. */
  async answer(
    target: ProxyTarget,
    request: RegistryRequest,
    { reference, next }: { readonly reference: ManifestReference; readonly next: Answer },
  ): Promise<RegistryResponse> {
    try {
      const found =
        reference.kind === 'digest'
          ? await this.#byDigest(target, request, reference)
          : await this.#byTag(target, request, reference)
      if (found.kind === 'described') return describe(request, found.as)
      const response = await next(request)
      if (found.warning === undefined) return response
      return { ...response, headers: { ...response.headers, Warning: found.warning } }
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error
      const what = reference.kind === 'tag' ? `tag ${JSON.stringify(reference.tag)}` : `manifest ${reference.digest}`
      throw upstreamWireError(error, 'MANIFEST_UNKNOWN', `the repository ${target.repository} has no ${what}`)
    }
  }

  async #byDigest(
    target: ProxyTarget,
    request: RegistryRequest,
    reference: Extract<ManifestReference, { kind: 'digest' }>,
  ): Promise<Found> {
    if (await this.#here(target, reference)) {
      this.#tell('cache-hit', target, request, reference)
      return { kind: 'here' }
    }
    this.#tell('cache-miss', target, request, reference)
    return this.#fetch(target, request.method, reference)
  }

  async #byTag(
    target: ProxyTarget,
    request: RegistryRequest,
    reference: Extract<ManifestReference, { kind: 'tag' }>,
  ): Promise<Found> {
    const { tags, now } = this.#parts
    const known = tags.get(target.repository, reference.tag)
    if (known !== undefined && !this.#isCurrent(target, reference, known))
      await this.#adopt(target, reference.tag, known)
    const isHere = await this.#here(target, reference)
    // What somebody pushed here is not the upstream's.
    if (known === undefined && isHere) return { kind: 'here' }
    const { tagLifetime: life = tagLifetime, staleWhileRevalidate = staleLifetime } = target.upstream.config
    const age = known === undefined ? Infinity : now() - known.checked
    const isFresh = age >= 0 && age <= life
    if (known === undefined || !isHere || !this.#isCurrent(target, reference, known)) {
      return this.#missing(target, request, { reference, known: isFresh ? known : undefined, isHere })
    }
    if (isFresh) {
      this.#tell('cache-hit', target, request, reference)
      return { kind: 'here' }
    }
    const refreshed = this.#refresh(target, reference)
    const { paused } = target.upstream
    if (age >= 0 && age <= life + staleWhileRevalidate) {
      refreshed.catch((error: unknown) => {
        if (!(error instanceof UpstreamFailure)) this.#parts.onError?.(error, request)
      })
      this.#tell('cache-stale', target, request, reference)
      return { kind: 'here', ...(paused === undefined ? {} : { warning: staleWarning(paused) }) }
    }
    return this.#stale(target, request, { reference, work: refreshed })
  }

  /** Waits for the upstream; when it is out of order, what is here is given out, however old. */
  async #stale(
    target: ProxyTarget,
    request: RegistryRequest,
    { reference, work }: { readonly reference: ManifestReference; readonly work: Promise<void> },
  ): Promise<Found> {
    try {
      await work
      this.#tell('cache-hit', target, request, reference)
      return { kind: 'here' }
    } catch (error) {
      if (!(error instanceof UpstreamFailure) || !error.isPassing) throw error
      this.#tell('cache-stale', target, request, reference)
      return { kind: 'here', warning: staleWarning(error) }
    }
  }

  /** The tag is not known, or what it stands for is not here. */
  async #missing(
    target: ProxyTarget,
    request: RegistryRequest,
    {
      reference,
      known,
      isHere,
    }: {
      readonly reference: Extract<ManifestReference, { kind: 'tag' }>
      readonly known: ProxyTag | undefined
      readonly isHere: boolean
    },
  ): Promise<Found> {
    if (known !== undefined && request.method === 'HEAD') {
      this.#tell('cache-hit', target, request, reference)
      return { kind: 'described', as: known.descriptor }
    }
    if (isHere) {
      // It has moved, and its new content has not come: the old one serves where the upstream does not.
      const work = this.#refresh(target, reference)
      return this.#stale(target, request, { reference, work })
    }
    this.#tell('cache-miss', target, request, reference)
    return this.#fetch(target, request.method, reference)
  }

  #fetch(target: ProxyTarget, method: string, reference: ManifestReference): Promise<Found> {
    const { absent } = this.#parts
    const key = `${target.repository} ${textOf(reference)}`
    const missing = absent.get(key)
    if (missing !== undefined) return Promise.reject(missing)
    return this.#flights.join(`${method === 'HEAD' ? 'HEAD' : 'GET'} ${key}`, async () => {
      try {
        return method === 'HEAD' ? await this.#ask(target, reference) : await this.#take(target, reference, true)
      } catch (error) {
        if (error instanceof UpstreamFailure && !error.isPassing) {
          absent.set(key, error, target.upstream.config.negativeLifetime ?? negativeLifetime)
        }
        throw error
      }
    })
  }

  /** For a HEAD: asks for the description alone, which registries do not count as a pull. */
  async #ask(target: ProxyTarget, reference: ManifestReference): Promise<Found> {
    const { tags, now, signal } = this.#parts
    const descriptor = await describeManifest(target, reference, { isUrgent: true, signal })
    if (descriptor === undefined) return this.#take(target, reference, true)
    if (reference.kind === 'tag') tags.set(target.repository, reference.tag, { descriptor, checked: now() })
    return { kind: 'described', as: descriptor }
  }

  async #take(target: ProxyTarget, reference: ManifestReference, isUrgent: boolean): Promise<Found> {
    const { signal } = this.#parts
    const manifest = await fetchManifest(target, reference, { isUrgent, signal })
    const isOurs = reference.kind === 'tag' && !this.#isPushed(target, reference.tag)
    // First, so that a crash in between leaves no tag that looks as if somebody had pushed it.
    if (isOurs) this.#remember(target, reference.tag, manifest.descriptor)
    await storeManifest(this.#parts, target.repository, { ...manifest, tags: isOurs ? [reference.tag] : [] })
    return { kind: 'here' }
  }

  /** Asks what a tag stands for now, and fetches that when it is not here. Those who come meanwhile share it. */
  #refresh(target: ProxyTarget, reference: Extract<ManifestReference, { kind: 'tag' }>): Promise<void> {
    return this.#refreshes.join(`${target.repository} ${reference.tag}`, async () => {
      const { catalog, state, signal, tags } = this.#parts
      const { repository } = target
      const { tag } = reference
      try {
        const descriptor = await describeManifest(target, reference, { isUrgent: false, signal })
        const byDigest = descriptor === undefined ? undefined : ({ kind: 'digest', digest: descriptor.digest } as const)
        if (descriptor === undefined || byDigest === undefined) {
          await this.#take(target, reference, false)
          return
        }
        if (!(await this.#here(target, byDigest))) await this.#take(target, byDigest, false)
        if (this.#isPushed(target, tag)) return
        this.#remember(target, tag, descriptor)
        state.transaction(() => catalog.putTag(catalog.ensure(repository), tag, descriptor.digest))
      } catch (error) {
        if (error instanceof UpstreamFailure && error.kind === 'absent' && !this.#isPushed(target, tag)) {
          // It is gone there, so it is gone here; the manifest stays, for those who know its digest.
          const id = catalog.find(repository)
          if (id !== undefined) state.transaction(() => catalog.deleteTag(id, tag))
          tags.delete(repository, { tag })
        }
        throw error
      }
    })
  }

  #remember({ repository }: ProxyTarget, tag: string, descriptor: Descriptor): void {
    this.#parts.tags.set(repository, tag, { descriptor, checked: this.#parts.now() })
    this.#parts.absent.delete(`${repository} ${tag}`)
  }

  /** Whether the tag was given here: it is in the core, and no upstream was ever asked about it. */
  #isPushed({ repository }: ProxyTarget, tag: string): boolean {
    const { catalog, tags } = this.#parts
    const id = catalog.find(repository)
    if (id === undefined || tags.get(repository, tag) !== undefined) return false
    return catalog.manifest(id, { kind: 'tag', tag }) !== undefined
  }

  async #here({ repository }: ProxyTarget, reference: ManifestReference): Promise<boolean> {
    const { catalog, storage } = this.#parts
    const id = catalog.find(repository)
    const found = id === undefined ? undefined : catalog.manifest(id, reference)
    return found !== undefined && (await storage.size(found.digest)) === found.size
  }

  /**
   * Gives the core a tag whose content it has by now. Engines ask what a tag stands for with HEAD, and then for that by its digest: no
   * other request would tell the core.
   */
  async #adopt(target: ProxyTarget, tag: string, { descriptor: { digest } }: ProxyTag): Promise<void> {
    if (!(await this.#here(target, { kind: 'digest', digest }))) return
    const { catalog, state } = this.#parts
    state.transaction(() => catalog.putTag(catalog.ensure(target.repository), tag, digest))
  }

  /** Whether what the core has under the tag is what the upstream last said. */
  #isCurrent(
    { repository }: ProxyTarget,
    reference: Extract<ManifestReference, { kind: 'tag' }>,
    known: ProxyTag,
  ): boolean {
    const { catalog } = this.#parts
    const id = catalog.find(repository)
    return id !== undefined && catalog.manifest(id, reference)?.digest === known.descriptor.digest
  }

  #tell(
    kind: Extract<RegistryEvent['kind'], `cache-${string}`>,
    { repository, upstream }: ProxyTarget,
    request: RegistryRequest,
    reference: ManifestReference,
  ): void {
    const what = reference.kind === 'tag' ? { tag: reference.tag } : { digest: reference.digest }
    emitEvent(this.#parts, request, { kind, repository, upstream: upstream.name, ...what })
  }
}

function describe(request: RegistryRequest, { digest, mediaType, size }: Descriptor): RegistryResponse {
  const headers = { 'Content-Type': mediaType, 'Docker-Content-Digest': digest, ETag: `"${digest}"` }
  if (etagMatches(request.header('if-none-match'), headers.ETag)) return emptyResponse(304, headers)
  return { status: 200, headers: { ...headers, 'Content-Length': String(size) } }
}
