import { isTag, parseDescriptor } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import { emitEvent } from '../emit-event.ts'
import type { RegistryRequest, RegistryResponse } from '../exchange.ts'
import { referrersPageOf, tagsPageOf } from '../lists.ts'
import { Flights } from './flights.ts'
import type { ProxyParts, ProxyTarget } from './proxy-parts.ts'
import { ShortMemory } from './short-memory.ts'
import { staleWarning } from './stale-warning.ts'
import { UpstreamFailure, upstreamWireError } from './upstream-failure.ts'
import type { UpstreamEndpoint } from './upstream-endpoint.ts'

const lifetime = 5 * 60_000
const negativeLifetime = 10_000
/** A list of an upstream is cut here. */
const longest = 100_000

interface Listed {
  readonly content: readonly unknown[]
  readonly warning?: string
}

/** Tags and referrers: the upstream's lists, remembered for a while, with what is here beside. */
export class ProxyLists {
  readonly #parts: ProxyParts
  readonly #flights = new Flights<readonly unknown[]>()
  readonly #empty: ShortMemory<{ readonly content: unknown; readonly checked: number }>

  constructor(parts: ProxyParts) {
    this.#parts = parts
    this.#empty = new ShortMemory(parts.now)
  }

  /** What is under way. */
  get all(): readonly Promise<unknown>[] {
    return this.#flights.all
  }

  /** `GET` of the tags. */
  async tags(target: ProxyTarget, request: RegistryRequest): Promise<RegistryResponse> {
    const { catalog } = this.#parts
    const { repository, remote } = target
    const id = catalog.find(repository)
    const local = id === undefined ? [] : catalog.tags(id, { n: longest })
    const signal = { signal: this.#parts.signal }
    const listed = await this.#list(target, request, {
      what: 'tags',
      fetch: (endpoint) => take(endpoint.repository(remote).tags(signal)),
      isKnown: local.length > 0,
      missing: 'NAME_UNKNOWN',
    })
    const upstreams = listed.content.filter((tag) => typeof tag === 'string' && isTag(tag)).map(String)
    const all = [...new Set([...local, ...upstreams])].toSorted((a, b) => (a < b ? -1 : 1))
    const response = tagsPageOf(request, repository, ({ n, last = '' }) => all.filter((tag) => tag > last).slice(0, n))
    return withWarning(response, listed)
  }

  /** `GET` of what refers to a digest. */
  async referrers(target: ProxyTarget, request: RegistryRequest, digest: Digest): Promise<RegistryResponse> {
    const { catalog } = this.#parts
    const { repository, remote } = target
    const id = catalog.find(repository)
    const local = id === undefined ? [] : catalog.referrers(id, digest, { n: longest })
    const signal = { signal: this.#parts.signal }
    const listed = await this.#list(target, request, {
      what: `referrers ${digest}`,
      fetch: async (endpoint) => take(endpoint.repository(remote).referrers(digest, undefined, signal)),
      isKnown: false,
      missing: 'MANIFEST_UNKNOWN',
    })
    const all = new Map<Digest, Descriptor>()
    for (const each of [...listed.content.map((value) => parseDescriptor(value)), ...local]) all.set(each.digest, each)
    const sorted = [...all.values()].toSorted((a, b) => (a.digest < b.digest ? -1 : 1))
    const response = referrersPageOf(request, ({ n, last = '', artifactType }) =>
      sorted
        .filter((each) => each.digest > last && (artifactType === undefined || each.artifactType === artifactType))
        .slice(0, n),
    )
    return withWarning(response, listed)
  }

  async #list(
    target: ProxyTarget,
    request: RegistryRequest,
    asked: {
      readonly what: string
      readonly fetch: (endpoint: UpstreamEndpoint) => Promise<readonly unknown[]>
      /** Whether there is an answer without the upstream's. */
      readonly isKnown: boolean
      readonly missing: 'NAME_UNKNOWN' | 'MANIFEST_UNKNOWN'
    },
  ): Promise<Listed> {
    const { tags, now, absent } = this.#parts
    const { upstream, repository } = target
    const key = `${repository} ${asked.what}`
    const known = this.#empty.get(key) ?? tags.list(repository, asked.what)
    const content: readonly unknown[] | undefined = Array.isArray(known?.content) ? known.content : undefined
    const age = known === undefined ? Infinity : now() - known.checked
    const event = { repository, upstream: upstream.name }
    if (content !== undefined && age >= 0 && age <= (upstream.config.tagLifetime ?? lifetime)) {
      emitEvent(this.#parts, request, { kind: 'cache-hit', ...event })
      return { content }
    }
    try {
      const missing = absent.get(key)
      if (missing !== undefined) throw missing
      const fetched = await this.#flights.join(key, () => this.#fetch(target, asked, content))
      emitEvent(this.#parts, request, { kind: 'cache-miss', ...event })
      return { content: fetched }
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error
      if (!error.isPassing) absent.set(key, error, upstream.config.negativeLifetime ?? negativeLifetime)
      if (error.kind === 'absent' && (asked.isKnown || asked.missing === 'MANIFEST_UNKNOWN')) return { content: [] }
      if (!error.isPassing || (content === undefined && !asked.isKnown)) {
        throw upstreamWireError(error, asked.missing, `there is no list of ${repository}`)
      }
      emitEvent(this.#parts, request, { kind: 'cache-stale', ...event })
      return { content: content ?? [], warning: staleWarning(error) }
    }
  }

  async #fetch(
    { upstream, repository }: ProxyTarget,
    {
      what,
      fetch,
    }: { readonly what: string; readonly fetch: (endpoint: UpstreamEndpoint) => Promise<readonly unknown[]> },
    known: readonly unknown[] | undefined,
  ): Promise<readonly unknown[]> {
    const { tags, now, signal } = this.#parts
    const content = await upstream.document(() => upstream.attempt(fetch, { isUrgent: known === undefined, signal }))
    const list = { content, checked: now() }
    // Whoever asks for the referrers of anything must not fill the database.
    if (content.length > 0 || known !== undefined) tags.setList(repository, what, list)
    else this.#empty.set(`${repository} ${what}`, list, upstream.config.tagLifetime ?? lifetime)
    return content
  }
}

async function take<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const taken: T[] = []
  for await (const item of items) {
    taken.push(item)
    if (taken.length >= longest) break
  }
  return taken
}

function withWarning(response: RegistryResponse, { warning }: Listed): RegistryResponse {
  return warning === undefined ? response : { ...response, headers: { ...response.headers, Warning: warning } }
}
