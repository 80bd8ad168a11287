import { readFileSync } from 'node:fs'
import { createRegistryClient, isLocalRegistry, RegistryError } from '@gantry/registry-client'
import type { Credential, HttpResponse, RegistryClient, RemoteRepository } from '@gantry/registry-client'
import type { EndpointConfig, UpstreamCredentials } from './proxy-config.ts'
import { failureKindOf, UpstreamFailure, upstreamFailureOf } from './upstream-failure.ts'

/** A request for something of a repository. */
export interface EndpointAsk {
  readonly method: 'GET' | 'HEAD'
  /** The repository's name at the upstream. */
  readonly repository: string
  /** After the name: `manifests/latest`. */
  readonly rest: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
}

/** How an endpoint behaves. */
export interface EndpointOptions {
  readonly timeout: number
  /** How long it is left alone after a failure, in milliseconds. */
  readonly pause: number
  readonly now: () => number
}

const anyStatus: readonly number[] = Array.from({ length: 300 }, (_, index) => 300 + index)
/** How long a registry that says "too many" and not until when is left alone, in milliseconds. */
const limitedPause = 60_000
/** It may say what it likes; after this time it is asked again. */
const longestPause = 6 * 3_600_000
/** The client gives up making a connection after this time. */
const connectTimeout = 20_000

/** One registry that is asked: the upstream itself, or a mirror of it. It remembers when it is to be left alone. */
export class UpstreamEndpoint {
  readonly registry: string
  readonly #config: EndpointConfig
  readonly #options: EndpointOptions
  readonly #client: RegistryClient
  #paused: { readonly failure: UpstreamFailure; readonly until: number } | undefined
  /** Until when requests that cost are not worth making: there are none left. */
  #spent = 0

  constructor(config: EndpointConfig, options: EndpointOptions) {
    this.registry = config.registry
    this.#config = config
    this.#options = options
    const credential = credentialOf(config.credentials)
    this.#client = createRegistryClient({
      credentials: async (registry) => (registry === config.registry ? credential : undefined),
      insecure: (registry) => registry === config.registry && (config.insecure ?? isLocalRegistry(registry)),
      timeout: options.timeout,
      retry: { attempts: 1 },
      ...(config.authorities === undefined ? {} : { authorities: config.authorities.map(readAuthority) }),
    })
  }

  /**
   * Why it is not to be asked now. A request that has nothing to fall back on is stopped only by a registry that said to wait;
   * the others also by one that failed a moment ago.
   */
  paused(isUrgent: boolean): UpstreamFailure | undefined {
    const now = this.#options.now()
    if (!isUrgent && this.#spent > now) {
      return new UpstreamFailure('limited', this.registry, { retryAfter: this.#spent - now })
    }
    const paused = this.#paused
    if (paused === undefined || paused.until <= now) return undefined
    const { kind, status, cause } = paused.failure
    if (isUrgent && kind !== 'limited') return undefined
    return new UpstreamFailure(kind, this.registry, {
      retryAfter: paused.until - now,
      cause,
      ...(status === undefined ? {} : { status }),
    })
  }

  /** What the registry has for a request; the body is the caller's. */
  async send(ask: EndpointAsk): Promise<HttpResponse> {
    const response = await this.#send(ask)
    this.#readLimits(response)
    const { status } = response
    if (status < 300) return response
    await response.discard()
    const retryAfter = readRetryAfter(response.header('retry-after'), this.#options.now())
    throw new UpstreamFailure(failureKindOf(status), this.registry, {
      status,
      ...(retryAfter === undefined ? {} : { retryAfter }),
    })
  }

  /** The repository there, for what is read page after page. */
  repository(name: string): RemoteRepository {
    return this.#client.repository({ registry: this.registry, repository: this.#path(name) })
  }

  /** Says how a request failed, and leaves the registry alone for a while if it was its fault. */
  fail(error: unknown): UpstreamFailure {
    const failure = upstreamFailureOf(error, this.registry)
    if (!failure.isPassing) return failure
    const usual = failure.kind === 'limited' ? limitedPause : this.#options.pause
    const pause = Math.min(failure.retryAfter ?? usual, longestPause)
    this.#paused = { failure, until: this.#options.now() + pause }
    return failure
  }

  /** It works. */
  succeed(): void {
    this.#paused = undefined
  }

  async #send(ask: EndpointAsk): Promise<HttpResponse> {
    const { method, rest, headers = {}, signal } = ask
    const repository = this.#path(ask.repository)
    const request = {
      method,
      url: `/v2/${repository}/${rest}`,
      headers,
      scopes: [`repository:${repository}:pull`],
      purpose: `Cannot fetch "${repository}" from the upstream ${this.registry}`,
      accept: anyStatus,
      signal,
    }
    const begun = performance.now()
    try {
      return await this.#client.send(this.registry, request)
    } catch (error) {
      // A connection that was kept is often closed, by either side, at the very moment it is used again.
      const isEarly = performance.now() - begun < Math.min(this.#options.timeout, connectTimeout) / 2
      const isStale = isReset(error) || (isEarly && error instanceof RegistryError && error.code === 'TIMEOUT')
      if (signal?.aborted === true || !isStale) throw error
      return this.#client.send(this.registry, request)
    }
  }

  /** @see https://docs.docker.com/docker-hub/usage/pulls/#view-pull-rate-and-limit */
  #readLimits(response: HttpResponse): void {
    const remaining = /^\s*(\d{1,9})/.exec(response.header('ratelimit-remaining') ?? '')?.[1]
    if (remaining === undefined) return
    this.#spent = Number(remaining) === 0 ? this.#options.now() + limitedPause : 0
  }

  #path(repository: string): string {
    return this.#config.path === undefined ? repository : `${this.#config.path}/${repository}`
  }
}

function credentialOf(credentials: UpstreamCredentials | undefined): Credential | undefined {
  const { username, password, token } = credentials ?? {}
  if (token !== undefined) return { kind: 'bearer', token }
  return username === undefined || password === undefined ? undefined : { kind: 'basic', username, password }
}

function readAuthority(text: string): string {
  return text.includes('-----BEGIN') ? text : readFileSync(text, 'utf8')
}

function isReset(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if ('code' in each && (each.code === 'ECONNRESET' || each.code === 'EPIPE')) return true
    if (each instanceof RegistryError && each.status !== undefined) return false
  }
  return false
}

function readRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(date - now, 0)
}
