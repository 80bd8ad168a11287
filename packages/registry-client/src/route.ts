import { digestOf } from '@gantry/codec'
import { collect, readerOf } from '@gantry/image'
import { digestAlgorithm } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import type { ClientEvent } from './client-event.ts'
import type { Ask, Asker } from './connection.ts'
import { printable } from './refusal.ts'
import { RegistryError } from './registry-error.ts'
import type { RetryPolicy } from './retry.ts'
import type { HttpResponse } from './transport/transport.ts'

/** A mirror of a registry. */
export interface Mirror {
  /** For messages. */
  readonly host: string
  readonly asker: Asker
  /** What it has before the names of the registry's repositories: `hub` for `hub/library/alpine`. */
  readonly prefix: string | undefined
  /** Whether it is asked what tags stand for. */
  readonly resolve: boolean
  /** What it is told as `?ns=`. */
  readonly namespace: string | undefined
}

/** What a route is made of. */
export interface RouteParts {
  readonly origin: Asker
  /** In the order in which they are asked. */
  readonly mirrors: readonly Mirror[]
  readonly onEvent?: ((event: ClientEvent) => void) | undefined
}

/** A mirror that could not be reached is left alone for a while, in milliseconds. */
const rest = 60_000

/**
 * Asks the mirrors of a registry first and then the registry itself. Whatever a mirror answers but what was asked for leads to the
 * next one: mirrors are for speed, and only the registry's own answer is a failure.
 */
export class Route implements Asker {
  readonly #parts: RouteParts
  /** Until when mirrors are left alone, by host. */
  readonly #resting = new Map<string, number>()

  constructor(parts: RouteParts) {
    this.#parts = parts
  }

  get registry(): string {
    return this.#parts.origin.registry
  }

  get retry(): RetryPolicy {
    return this.#parts.origin.retry
  }

  async send(ask: Ask): Promise<HttpResponse> {
    const { origin, mirrors } = this.#parts
    const isPull = (ask.method === 'GET' || ask.method === 'HEAD') && /^\/v2\/.*\/(?:blobs|manifests)\//.test(ask.url)
    if (!isPull || ask.mirrors === false) return origin.send(ask)
    const reasons: string[] = []
    for (const mirror of mirrors) {
      if ((this.#resting.get(mirror.host) ?? 0) > performance.now() || !(mirror.resolve || isByDigest(ask.url)))
        continue
      const wasWrong = ask.without?.includes(mirror.host) === true
      const found = wasWrong ? this.#passOver(mirror, 'it gave wrong bytes') : await this.#try(mirror, ask)
      if (typeof found !== 'string') return found
      reasons.push(`${mirror.host}: ${found}`)
    }
    try {
      return await origin.send(ask)
    } catch (error) {
      throw reasons.length === 0 || !(error instanceof RegistryError) ? error : withMirrors(error, reasons)
    }
  }

  failure(error: unknown, ask: Pick<Ask, 'purpose' | 'signal'>): unknown {
    return this.#parts.origin.failure(error, ask)
  }

  /** The answer, or why there is none. */
  async #try(mirror: Mirror, ask: Ask): Promise<HttpResponse | string> {
    const { host, asker, namespace, prefix } = mirror
    let reason: string
    try {
      const own = prefix === undefined ? ask : below(ask, prefix)
      const response = await asker.send({ ...own, url: withNamespace(own.url, namespace) })
      if (response.status < 300 && (ask.expects === undefined || ask.method === 'HEAD')) return from(host, response)
      if (response.status < 300 && ask.expects !== undefined) return await checked(response, ask.expects)
      await response.discard()
      reason = `it answered ${response.status}`
    } catch (error) {
      ask.signal?.throwIfAborted()
      reason = reasonOf(error)
      // Credentials that are broken or refused for a mirror need not be so next time; who is not there will not be.
      if (!(error instanceof RegistryError) || error.status === undefined)
        this.#resting.set(host, performance.now() + rest)
    }
    return this.#passOver(mirror, reason)
  }

  #passOver({ host }: Mirror, reason: string): string {
    this.#parts.onEvent?.({ kind: 'mirror-failed', registry: this.registry, mirror: host, reason })
    return reason
  }
}

function from(mirror: string, response: HttpResponse): HttpResponse {
  const { status, body } = response
  return { status, body, mirror, header: (name) => response.header(name), discard: () => response.discard() }
}

/** The same answer, with its body in memory. @throws {Error} when it is not what was asked for */
async function checked(response: HttpResponse, { digest, size }: Descriptor): Promise<HttpResponse> {
  const bytes = await collect(response.body, size)
  if (bytes === undefined) throw new Error(`it gave more than the ${size} bytes of ${digest}`)
  const found = digestOf(bytes, digestAlgorithm(digest))
  if (found !== digest) throw new Error(`it gave ${bytes.length} other bytes for ${digest}`)
  const { status } = response
  return { status, header: (name) => response.header(name), body: readerOf(bytes), discard: async () => undefined }
}

function below(ask: Ask, prefix: string): Ask {
  return {
    ...ask,
    url: ask.url.replace('/v2/', `/v2/${prefix}/`),
    scopes: ask.scopes.map((scope) => scope.replace(/^repository:/, `repository:${prefix}/`)),
  }
}

function isByDigest(url: string): boolean {
  return /\/(?:blobs|manifests)\/sha(?:256|512):[0-9a-f]+(?:\?|$)/.test(url)
}

function withNamespace(url: string, namespace: string | undefined): string {
  if (namespace === undefined) return url
  return `${url}${url.includes('?') ? '&' : '?'}ns=${encodeURIComponent(namespace)}`
}

function reasonOf(error: unknown): string {
  if (error instanceof RegistryError && error.status !== undefined) return `it answered ${error.status}`
  const text = error instanceof Error ? error.message : String(error)
  return printable(text.replace(/^Cannot [^:]*?"[^"]*": /, ''))
}

function withMirrors(error: RegistryError, reasons: readonly string[]): RegistryError {
  return new RegistryError(error.code, `${error.message}; its mirrors could not help: ${reasons.join('; ')}`, error)
}
