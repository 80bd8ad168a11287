import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import { Catalog } from '../catalog.ts'
import { errorResponse } from '../error-response.ts'
import type { Answer, RegistryRequest, RegistryResponse } from '../exchange.ts'
import type { RegistryEvent } from '../registry-event.ts'
import { parseRoute } from '../route.ts'
import type { Route } from '../route.ts'
import type { RegistryStorage } from '../storage.ts'
import { refusal } from '../refusal.ts'
import { WireError } from '../wire-error.ts'
import { fetchManifest } from './fetch-manifest.ts'
import { ProxyBlobs } from './proxy-blobs.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { ProxyLists } from './proxy-lists.ts'
import { ProxyManifests } from './proxy-manifests.ts'
import { renaming, upstreamOf } from './proxy-naming.ts'
import type { ProxyParts, ProxyTarget } from './proxy-parts.ts'
import { ProxyTags } from './proxy-tags.ts'
import { ShortMemory } from './short-memory.ts'
import { UpstreamFailure } from './upstream-failure.ts'
import { Upstream } from './upstream.ts'
import { steadyNow } from '../clock/steady-clock.ts'

/** What a pull-through cache is made of: the storage and the state are those of the registry behind it. */
export interface ProxyOptions {
  readonly config: ProxyConfig
  readonly storage: RegistryStorage
  /** Opened with `registryMigrations`. */
  readonly state: State
  /** Told of `cache-hit`, `cache-miss` and `cache-stale`, and of blobs that were given out while they came. */
  readonly onEvent?: (event: RegistryEvent) => void
  /** Told of what is the server's own fault, and of upstreams that fail. */
  readonly onError?: (error: unknown, request?: RegistryRequest) => void
  /** For tests, in milliseconds. */
  readonly now?: () => number
}

/** A pull-through cache in front of a registry. Disposing of it gives up what is under way. */
export interface Proxy extends AsyncDisposable {
  /**
   * Answers what is an upstream's, with the registry's help, and lets everything else through. Access is checked before it: it
   * stands between the access control and the registry.
   */
  readonly middleware: (next: Answer) => Answer
  /**
   * Gives requests with `?ns=`, and those for the default upstream, the name that is stored. It stands before the access
   * control; without it the middleware does the same, and asks the principal of the request about the name.
   */
  readonly naming: (next: Answer) => Answer
  /** Whether a repository is the cache of an upstream's. */
  readonly isCache: (repository: string) => boolean
  /** The content of a repository from its upstream, unverified; `undefined` when it has it not, or the repository is none's. For `scrub`. */
  fetch(
    wanted: { readonly repository: string; readonly digest: Digest; readonly kind: 'manifest' | 'blob' },
    options?: { readonly signal?: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array> | undefined>
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

/** Makes a pull-through cache for the upstreams of the configuration. It asks nobody until it is asked. */
export function createProxy(options: ProxyOptions): Proxy {
  const { config, storage, state, onEvent, onError, now = steadyNow } = options
  const abort = new AbortController()
  const upstreams = config.upstreams.map((each) => new Upstream(each, now))
  const parts: ProxyParts = {
    config,
    storage,
    state,
    catalog: new Catalog(state),
    tags: new ProxyTags(state),
    absent: new ShortMemory(now),
    now,
    signal: abort.signal,
    onEvent,
    onError,
  }
  const fallback = upstreams.find((each) => each.name === config.default)
  const naming = (next: Answer): Answer => renaming({ upstreams, fallback, catalog: parts.catalog }, next)
  const handlers = { manifests: new ProxyManifests(parts), blobs: new ProxyBlobs(parts), lists: new ProxyLists(parts) }
  const underWay = (): readonly Promise<unknown>[] => [
    ...handlers.manifests.all,
    ...handlers.blobs.all,
    ...handlers.lists.all,
  ]
  const idle = async (): Promise<void> => {
    for (let all = underWay(); all.length > 0; all = underWay()) await Promise.allSettled(all)
  }

  const answer = async (request: RegistryRequest, next: Answer): Promise<RegistryResponse> => {
    const route = parseRoute(request.path)
    const found = route !== undefined && 'repository' in route ? upstreamOf(upstreams, route.repository) : undefined
    if (route === undefined || found === undefined) return next(request)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return change(parts, { request, route, upstream: found.upstream, next })
    }
    return read(handlers, { target: targetOf(found), request, route, next })
  }

  return {
    naming,
    middleware: (next) => {
      const inner: Answer = async (request) => {
        try {
          return await answer(request, next)
        } catch (error) {
          return refusal(error, request, { onFault: onError })
        }
      }
      return async (request) =>
        naming((named) => (named === request || mayUse(named) ? inner(named) : Promise.resolve(denied())))(request)
    },
    isCache: (repository) => upstreamOf(upstreams, repository) !== undefined,
    async fetch({ repository, digest, kind }, { signal } = {}) {
      const found = upstreamOf(upstreams, repository)
      if (found === undefined || !found.upstream.allows(found.rest)) return undefined
      const asked = { isUrgent: true, signal: signal ?? abort.signal }
      try {
        if (kind === 'manifest') {
          return once((await fetchManifest(targetOf(found), { kind: 'digest', digest }, asked)).bytes)
        }
        return (await found.upstream.blob({ repository: found.rest, digest }, asked)).response.body
      } catch (error) {
        if (error instanceof UpstreamFailure && error.kind === 'absent') return undefined
        throw error
      }
    },
    idle,
    async [Symbol.asyncDispose]() {
      const reason = new Error('the registry is shutting down')
      abort.abort(reason)
      handlers.blobs.cancel(reason)
      await idle()
    },
  }
}

interface Handlers {
  readonly manifests: ProxyManifests
  readonly blobs: ProxyBlobs
  readonly lists: ProxyLists
}

interface Read {
  readonly target: ProxyTarget
  readonly request: RegistryRequest
  readonly route: Route
  readonly next: Answer
}

async function read(handlers: Handlers, { target, request, route, next }: Read): Promise<RegistryResponse> {
  switch (route.kind) {
    case 'manifest':
      return handlers.manifests.answer(target, request, { reference: route.reference, next })
    case 'blob': {
      // Where pushes are taken, a blob that the upstream has must still be sent here.
      const isPush = request.method === 'HEAD' && target.upstream.config.push === 'local'
      return isPush ? next(request) : handlers.blobs.answer(target, request, { digest: route.digest, next })
    }
    case 'tags':
      return request.method === 'GET' ? handlers.lists.tags(target, request) : next(request)
    case 'referrers':
      return request.method === 'GET' ? handlers.lists.referrers(target, request, route.digest) : next(request)
    default:
      return next(request)
  }
}

/** Pushes and deletions. What is deleted here is fetched again when somebody wants it. */
async function change(
  { tags }: ProxyParts,
  { request, route, upstream, next }: { request: RegistryRequest; route: Route; upstream: Upstream; next: Answer },
): Promise<RegistryResponse> {
  const isDeletion = request.method === 'DELETE' && route.kind !== 'upload'
  if (!isDeletion && upstream.config.push !== 'local') {
    const where = `what begins with "${upstream.prefix}/" is a cache of ${upstream.name}`
    throw new WireError('DENIED', `${where}: push to ${upstream.name}, or under another name`)
  }
  const response = await next(request)
  if (route.kind !== 'manifest' || response.status >= 300) return response
  const { repository, reference } = route
  if (reference.kind === 'tag') tags.delete(repository, { tag: reference.tag })
  else if (isDeletion) tags.delete(repository, { digest: reference.digest })
  else for (const tag of request.query.getAll('tag')) tags.delete(repository, { tag })
  return response
}

function targetOf({ upstream, rest }: { readonly upstream: Upstream; readonly rest: string }): ProxyTarget {
  if (upstream.allows(rest)) return { upstream, remote: rest, repository: `${upstream.prefix}/${rest}` }
  throw new WireError(
    'DENIED',
    `this registry is not to fetch ${rest} from ${upstream.name}: its configuration says so`,
  )
}

/** Access was checked for the name that the client used: it may have got another one since. */
function mayUse({ path, method, principal }: RegistryRequest): boolean {
  const route = parseRoute(path)
  if (route === undefined || !('repository' in route) || principal === undefined) return true
  const isRead = method === 'GET' || method === 'HEAD'
  return principal.may(route.repository, isRead ? 'pull' : method === 'DELETE' ? 'delete' : 'push')
}

function denied(): RegistryResponse {
  return errorResponse(new WireError('DENIED', 'the access rules of this registry do not allow this'))
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
