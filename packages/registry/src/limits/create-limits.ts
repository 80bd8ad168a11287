import { isDigest } from '@gantry/oci'
import type { State } from '@gantry/state'
import { networkOf } from '../access/network-of.ts'
import { tooMany } from '../access/too-many.ts'
import type { Answer, RegistryRequest, RegistryResponse } from '../exchange.ts'
import { parseRoute } from '../route.ts'
import type { Route } from '../route.ts'
import type { RegistryStorage } from '../storage.ts'
import { refusal } from '../refusal.ts'
import { WireError } from '../wire-error.ts'
import { immutableGuard } from './immutable-tags.ts'
import type { LimitsConfig, RateLimit } from './limits-config.ts'
import { Quotas } from './quotas.ts'
import { requesterOf } from './requester-of.ts'
import { TokenBuckets } from './token-bucket.ts'
import { UploadSlots } from './upload-slots.ts'
import { limitBlob, limitManifest } from './upload-limits.ts'
import { Usage } from './usage.ts'

/** What the limits are made of. */
export interface LimitsOptions {
  readonly config: LimitsConfig
  /** Opened with `registryMigrations`. */
  readonly state: State
  readonly storage: Pick<RegistryStorage, 'size'>
  /** Told of failures of the registry itself. */
  readonly onError?: (error: unknown) => void
  /** The time in milliseconds, for tests. */
  readonly now?: () => number
}

/** The limits of a registry, around its access control. */
export interface Limits {
  /** Outside of the access control: how often each address may ask. */
  readonly beforeAccess: (next: Answer) => Answer
  /** Behind it, where it is known who asks: everything else. */
  readonly afterAccess: (next: Answer) => Answer
}

/** Sets the limits up. Where nothing is configured, nothing stands in the way. */
export function createLimits(options: LimitsOptions): Limits {
  const { config, state, storage, now } = options
  const usage = new Usage(state, storage)
  const parts = {
    config,
    usage,
    quotas: new Quotas(config.quotas ?? [], usage),
    sizeOf: async (digest: string) => (isDigest(digest) ? storage.size(digest) : undefined),
    pushed(request: RegistryRequest, repository: string, digest: string) {
      const counts = config.quotas?.some(({ per }) => per === 'principal') ?? false
      if (counts && isDigest(digest)) usage.record(requesterOf(request), repository, digest)
    },
  }
  const slots = new UploadSlots(config.uploads ?? {})
  const guard = immutableGuard(config)

  const pass = async (request: RegistryRequest, next: Answer): Promise<RegistryResponse> => {
    const guarded = config.immutable === undefined ? request : { ...request, guard }
    const route = routeOf(request)
    if (route === undefined || !('repository' in route) || route.repository === undefined) return next(guarded)
    if (addsTo(request, route)) checkRepositories(options, route.repository)
    if (route.kind === 'manifest' && request.method === 'PUT') return limitManifest(parts, guarded, { route, next })
    const isBlob = route.kind === 'uploads' || route.kind === 'upload'
    if (!isBlob || !['POST', 'PATCH', 'PUT'].includes(request.method)) return next(guarded)
    const slot = slots.take(requesterOf(request))
    try {
      if (config.maxBlobSize === undefined && config.quotas === undefined) return await next(guarded)
      return await limitBlob(parts, guarded, { route, next })
    } finally {
      slot[Symbol.dispose]()
    }
  }

  const rates = (per: RateLimit['per']): ((request: RegistryRequest) => void) => {
    const limits = (config.rates ?? []).filter((rate) => rate.per === per)
    const buckets = limits.map((rate) => ({ rate, tokens: new TokenBuckets(rate, now) }))
    return (request) => {
      for (const { rate, tokens } of buckets) {
        if (rate.methods?.includes(request.method) === false) continue
        const wait = tokens.take(per === 'peer' ? networkOf(request.peer) : requesterOf(request))
        if (wait > 0) throw tooMany(`there were more than ${rate.requests} requests in ${rate.within} ms`, wait)
      }
    }
  }
  const ofPeers = rates('peer')
  const ofPrincipals = rates('principal')

  return {
    beforeAccess: (next) =>
      answering(options, async (request) => {
        ofPeers(request)
        return next(request)
      }),
    afterAccess: (next) =>
      answering(options, async (request) => {
        ofPrincipals(request)
        return pass(request, next)
      }),
  }
}

function answering({ onError }: LimitsOptions, answer: Answer): Answer {
  return async (request) => {
    try {
      return await answer(request)
    } catch (error) {
      return refusal(error, request, { onFault: onError })
    }
  }
}

/** What cannot be read is refused by the registry itself. */
function routeOf(request: RegistryRequest): Route | undefined {
  try {
    return parseRoute(request.path)
  } catch {
    return undefined
  }
}

function addsTo({ method }: RegistryRequest, { kind }: Route): boolean {
  return (kind === 'uploads' && method === 'POST') || (kind === 'manifest' && method === 'PUT')
}

function checkRepositories({ config, state }: LimitsOptions, repository: string): void {
  const { maxRepositories } = config
  if (maxRepositories === undefined) return
  const known = state.prepare('SELECT 1 FROM registry_repositories WHERE name = ?').get(repository)
  if (known !== undefined) return
  const count = Number(state.prepare('SELECT count(*) AS n FROM registry_repositories').get()?.['n'])
  if (count < maxRepositories) return
  throw new WireError('DENIED', `there are ${count} repositories already, and ${maxRepositories} may be`, {
    detail: { limit: maxRepositories },
  })
}
