import { setTimeout as wait } from 'node:timers/promises'
import { createLimiter } from '@gantry/image'
import type { Limiter } from '@gantry/image'
import type { HttpResponse } from '@gantry/registry-client'
import type { UpstreamConfig } from './proxy-config.ts'
import { namespacesOf, prefixOf } from './proxy-config.ts'
import { UpstreamEndpoint } from './upstream-endpoint.ts'
import { UpstreamFailure } from './upstream-failure.ts'

/** How something is asked of an upstream. */
export interface AttemptOptions {
  /** Whether there is nothing to fall back on: it is tried again then, and a failure of before does not count. */
  readonly isUrgent: boolean
  readonly signal?: AbortSignal | undefined
}

/** Attempts for what there is nothing to fall back on. */
const attempts = 3
const delay = 200

/** A registry that is cached, with its mirrors. */
export class Upstream {
  /** The registry as it stands in references; also its name in events and messages. */
  readonly name: string
  readonly prefix: string
  readonly namespaces: readonly string[]
  readonly config: UpstreamConfig
  readonly #endpoints: readonly UpstreamEndpoint[]
  readonly #documents: Limiter
  readonly #bodies: Limiter

  constructor(config: UpstreamConfig, now: () => number) {
    this.name = config.registry
    this.prefix = prefixOf(config)
    this.namespaces = namespacesOf(config)
    this.config = config
    const options = { timeout: config.timeout ?? 30_000, pause: config.pause ?? 5_000, now }
    this.#endpoints = [...(config.mirrors ?? []), config].map((each) => new UpstreamEndpoint(each, options))
    const { concurrency = 32 } = config
    // Long transfers must not keep what is quick waiting.
    const bodies = Math.ceil((concurrency * 3) / 4)
    this.#bodies = createLimiter(bodies)
    this.#documents = concurrency === 1 ? this.#bodies : createLimiter(concurrency - bodies)
  }

  /** Whether a repository, by its name there, may be asked for. */
  allows(repository: string): boolean {
    const { allow, deny = [] } = this.config
    const isAllowed = allow === undefined || allow.some((pattern) => pattern.matches(repository))
    return isAllowed && !deny.some((pattern) => pattern.matches(repository))
  }

  /** Why it is better not asked now, by somebody who has something to fall back on. */
  get paused(): UpstreamFailure | undefined {
    let failure: UpstreamFailure | undefined
    for (const endpoint of this.#endpoints) {
      failure = endpoint.paused(false)
      if (failure === undefined) return undefined
    }
    return failure
  }

  /** One of the short requests that may be under way at once. */
  document<T>(work: () => Promise<T>): Promise<T> {
    return this.#documents(work)
  }

  /** One of the transfers that may be under way at once; both make their requests with `attempt`. */
  transfer<T>(work: () => Promise<T>): Promise<T> {
    return this.#bodies(work)
  }

  /**
   * Does something with the first endpoint that it works with: the mirrors in their order, then the registry itself, whose word
   * is the last.
   *
   * @throws {UpstreamFailure}
   */
  async attempt<T>(work: (endpoint: UpstreamEndpoint) => Promise<T>, options: AttemptOptions): Promise<T> {
    const { isUrgent, signal } = options
    let failure = new UpstreamFailure('unavailable', this.name)
    for (let count = 0; count < (isUrgent ? attempts : 1); count++) {
      if (count > 0) await wait(delay * 2 ** count, undefined, signal === undefined ? {} : { signal })
      for (const endpoint of this.#endpoints) {
        signal?.throwIfAborted()
        const paused = endpoint.paused(isUrgent)
        if (paused !== undefined) {
          failure = paused
          continue
        }
        try {
          const result = await work(endpoint)
          endpoint.succeed()
          return result
        } catch (error) {
          signal?.throwIfAborted()
          failure = endpoint.fail(error)
        }
      }
      if (failure.kind !== 'unavailable') break
    }
    throw failure
  }

  /** A blob, or a part of it, from the first endpoint that has it. */
  blob(
    ask: { readonly repository: string; readonly digest: string; readonly range?: string },
    options: AttemptOptions,
  ): Promise<{ readonly response: HttpResponse; readonly endpoint: UpstreamEndpoint }> {
    return this.attempt(async (endpoint) => {
      const response = await endpoint.send({
        method: 'GET',
        repository: ask.repository,
        rest: `blobs/${ask.digest}`,
        headers: ask.range === undefined ? {} : { range: ask.range },
        signal: options.signal,
      })
      return { response, endpoint }
    }, options)
  }
}
