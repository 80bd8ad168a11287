import type { Descriptor } from '@gantry/oci'
import type { ClientEvent } from './client-event.ts'
import { parseRateLimit } from './rate-limit.ts'
import type { Authorizer, Scope } from './authorizer.ts'
import { parseChallenges } from './challenge.ts'
import { connectionFailure } from './transport/connection-failure.ts'
import { printable, readRefusal } from './refusal.ts'
import { RegistryError } from './registry-error.ts'
import type { RegistryErrorCode } from './registry-error.ts'
import { isPassing, isPassingFailure, retryAfterOf, waitBefore } from './retry.ts'
import type { RetryPolicy } from './retry.ts'
import type { HttpResponse, Transport } from './transport/transport.ts'

/** A request to one registry. */
export interface Ask {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the registry's endpoint, or a `Location` of its. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal | undefined
  readonly scopes: readonly Scope[]
  /** For messages: `Cannot pull "localhost:5000/app:1"`. */
  readonly purpose: string
  /** Statuses beside 2xx that are an answer, not an error. */
  readonly accept?: readonly number[]
  /** The code for a 404 without one. Default: NAME_UNKNOWN. */
  readonly missing?: RegistryErrorCode
  /** False: not from a mirror, which may be wrong or late. Only pulls ask mirrors. */
  readonly mirrors?: boolean
  /** Not from these mirrors, which gave wrong bytes. */
  readonly without?: readonly string[]
  /** What the answer's body has to be: mirrors that give something else are passed over. It is held in memory, so only for little. */
  readonly expects?: Descriptor
}

/** Something that answers for a registry: the registry itself, or mirrors before it. */
export interface Asker {
  /** As it stands in references. */
  readonly registry: string
  readonly retry: RetryPolicy
  /**
   * Sends the request and gives the answer. One without a body, or with bytes, is sent again after a status or a failure that
   * may pass.
   *
   * @throws {RegistryError} for every status but 2xx that is not accepted, and for connections that fail
   */
  send(ask: Ask): Promise<HttpResponse>
  /** Says what it means that the connection failed while something was asked. */
  failure(error: unknown, ask: Pick<Ask, 'purpose' | 'signal'>): unknown
}

/** What a connection is made of. */
export interface ConnectionParts {
  readonly registry: string
  readonly endpoint: URL
  readonly transport: Transport
  readonly authorizer: Authorizer
  readonly retry: RetryPolicy
  readonly onEvent?: ((event: ClientEvent) => void) | undefined
}

const redirects = [301, 302, 303, 307, 308]
const mostRedirects = 5
const mostWarnings = 32
const longestWarning = 4096

/** Asks one registry: with authorization, after redirects, and again where that may help. */
export class Connection implements Asker {
  readonly registry: string
  readonly retry: RetryPolicy
  readonly #parts: ConnectionParts
  readonly #warnings = new Set<string>()
  #limit = ''

  constructor(parts: ConnectionParts) {
    this.registry = parts.registry
    this.retry = parts.retry
    this.#parts = parts
  }

  async send(ask: Ask): Promise<HttpResponse> {
    const canRepeat = ask.body === undefined || ask.body instanceof Uint8Array
    for (let attempt = 0; ; attempt++) {
      ask.signal?.throwIfAborted()
      let response: HttpResponse | undefined
      let failure: unknown
      try {
        response = await this.#authorized(ask, canRepeat)
        if (response.status < 300 || ask.accept?.includes(response.status) === true) return response
      } catch (error) {
        failure = error
      }
      const passing = response === undefined ? isPassingFailure(failure, attempt) : isPassing(response.status)
      const retryAfter = response === undefined ? retryAfterSaid(failure) : retryAfterOf(response)
      const wait = canRepeat && passing ? waitBefore(this.retry, attempt, retryAfter) : undefined
      if (wait === undefined || ask.signal?.aborted === true) {
        if (response === undefined) throw this.failure(failure, ask)
        throw await this.#refusal(response, ask)
      }
      await response?.discard()
      this.#tellRetry(ask, wait, response?.status, failure)
      await this.retry.sleep(wait, ask.signal)
    }
  }

  failure(error: unknown, ask: Pick<Ask, 'purpose' | 'signal'>): unknown {
    return ask.signal?.aborted === true ? ask.signal.reason : connectionFailure(error, ask.purpose, this.registry)
  }

  #tellRetry({ purpose }: Ask, wait: number, status: number | undefined, failure: unknown): void {
    const code: unknown = failure instanceof Error ? Reflect.get(failure, 'code') : undefined
    this.#parts.onEvent?.({
      kind: 'retry',
      registry: this.registry,
      purpose,
      wait,
      ...(status === undefined ? {} : { status }),
      ...(typeof code === 'string' ? { code } : {}),
    })
  }

  /** What the registry itself says beside its answer: how much it lets us do, and what people are to read. */
  #tellHeaders(response: HttpResponse): void {
    const { onEvent } = this.#parts
    if (onEvent === undefined) return
    const limit = parseRateLimit((name) => response.header(name))
    if (limit !== undefined && JSON.stringify(limit) !== this.#limit) {
      this.#limit = JSON.stringify(limit)
      onEvent({ kind: 'rate-limit', registry: this.registry, limit })
    }
    const warnings = (response.header('warning') ?? '').slice(0, longestWarning)
    for (const [, text = ''] of warnings.matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)) {
      if (this.#warnings.has(text) || this.#warnings.size >= mostWarnings) continue
      this.#warnings.add(text)
      onEvent({ kind: 'warning', registry: this.registry, text: printable(text.replaceAll(/\\(.)/g, '$1')) })
    }
  }

  async #authorized(ask: Ask, canRepeat: boolean): Promise<HttpResponse> {
    const { authorizer } = this.#parts
    const first = await this.#following(ask, await authorizer.header(this.registry, ask.scopes, ask.signal))
    const { response } = first
    // Who we were sent to has no say in where the password goes.
    if (response.status !== 401 || !first.isOwn) return response
    const challenges = parseChallenges(response.header('www-authenticate') ?? '')
    if (!authorizer.learn(this.registry, challenges, ask.scopes) || !canRepeat) return response
    const header = await authorizer.header(this.registry, ask.scopes, ask.signal)
    if (header === undefined) return response
    await response.discard()
    return (await this.#following(ask, header)).response
  }

  /** `Authorization` goes to the registry itself only: where it sends us is another's, who needs no password of ours. */
  async #following(ask: Ask, authorization: string | undefined): Promise<Followed> {
    const { endpoint, transport } = this.#parts
    let url = new URL(ask.url, endpoint)
    for (let count = 0; ; count++) {
      const own = url.origin === endpoint.origin && authorization !== undefined ? { authorization } : {}
      const response = await transport({
        method: ask.method,
        url,
        headers: { 'user-agent': 'gantry', 'accept-encoding': 'identity', ...ask.headers, ...own },
        ledBy: endpoint,
        ...(ask.body === undefined ? {} : { body: ask.body }),
        ...(ask.signal === undefined ? {} : { signal: ask.signal }),
      })
      if (url.origin === endpoint.origin) this.#tellHeaders(response)
      const location = response.header('location')
      const follows = redirects.includes(response.status) && location !== undefined
      const canSendAgain = ask.body === undefined || ask.body instanceof Uint8Array
      const keepsMethod = ask.method === 'GET' || ask.method === 'HEAD' || response.status >= 307
      if (!follows || !canSendAgain || !keepsMethod) return { response, isOwn: url.origin === endpoint.origin }
      await response.discard()
      url = this.#nextOf(location, { url, count, purpose: ask.purpose })
    }
  }

  #nextOf(location: string, { url, count, purpose }: { url: URL; count: number; purpose: string }): URL {
    const fail = (problem: string): never => {
      throw new RegistryError('PROTOCOL', `${purpose}: ${problem}`, { registry: this.registry })
    }
    if (count >= mostRedirects) return fail(`the registry redirects more than ${mostRedirects} times`)
    const next = URL.parse(location, url)
    if (next !== null && url.protocol === 'https:' && next.protocol === 'http:') {
      return fail(
        `the registry redirects from https to ${JSON.stringify(printable(next.host))} without TLS, which is not safe`,
      )
    }
    if (next !== null && /^https?:$/.test(next.protocol)) return next
    return fail(`the registry redirects to ${JSON.stringify(printable(location))}, which is no HTTP address`)
  }

  async #refusal(response: HttpResponse, ask: Ask): Promise<RegistryError> {
    const known = await this.#parts.authorizer.knows(this.registry).catch(() => false)
    return readRefusal(response, {
      purpose: ask.purpose,
      registry: this.registry,
      known,
      missing: ask.missing ?? 'NAME_UNKNOWN',
    })
  }
}

/** The last answer of those that redirects led to. */
interface Followed {
  readonly response: HttpResponse
  /** Whether it is the registry's own. */
  readonly isOwn: boolean
}

/** When the token service said to come back. */
function retryAfterSaid(failure: unknown): number | undefined {
  return failure instanceof RegistryError ? failure.retryAfter : undefined
}
