import type { Agent as HttpAgent, ClientRequest, IncomingMessage } from 'node:http'
import type { Agent as HttpsAgent } from 'node:https'
import { readFileSync } from 'node:fs'
import type { SecureContextOptions as TlsContext } from 'node:tls'
import type { HostTls } from '../config/host-tls.ts'
import { fencedLookup } from './fence.ts'
import { proxyFor } from './proxy-for.ts'
import type { Environment } from './proxy-for.ts'
import type { HttpRequest, HttpResponse, Transport } from './transport.ts'

type SecureContextOptions = TlsContext & { rejectUnauthorized?: boolean }

/** How connections are made. */
export interface NodeTransportOptions {
  /** PEM texts of certificate authorities that are trusted beside those of Node, of the system and of `SSL_CERT_FILE`. */
  readonly authorities?: readonly string[]
  /** What single hosts need beside that, by host and port (`reg.example:5000`; without the usual port). */
  readonly tlsOf?: (host: string) => HostTls | undefined
  /** A connection on which nothing moves for so long is given up, in milliseconds. Default: one minute. */
  readonly timeout?: number
  /** Where the proxies are looked up. Default: the environment of this process. */
  readonly environment?: Environment
}

/** Making a connection takes at most so long, in milliseconds: nobody who is there needs more. */
const connectTimeout = 20_000

/** Bodies up to this size are read to their end to keep the connection, larger ones are cut off. */
const worthReading = 64 * 1024

/**
 * A transport over Node's own HTTP client, whose streams are twice as fast as those of `fetch`. Connections are kept and used
 * again, several per host; they do not keep the process alive. Proxies are used as `proxyFor` says.
 */
export function nodeTransport(options: NodeTransportOptions = {}): Transport {
  const { timeout = 60_000, environment = process.env, authorities = [], tlsOf } = options
  const plain = new Map<string, HttpAgent>()
  const secure = new Map<string, HttpsAgent>()
  return async (request) => {
    const { url, ledBy } = request
    const proxy = proxyFor(url, environment)?.href
    const settings = {
      keepAlive: true,
      scheduling: 'lifo' as const,
      timeout,
      // A proxy looks names up itself.
      ...(ledBy === undefined || proxy !== undefined ? {} : { lookup: fencedLookup(ledBy) }),
      ...(proxy === undefined ? {} : { proxyEnv: { http_proxy: proxy, https_proxy: proxy } }),
    }
    const how = `${proxy ?? ''} ${ledBy?.hostname ?? ''}`
    // Taken at the first request, and not imported: an import costs every command 35 ms, since it loads all that node:http exports.
    if (url.protocol === 'http:') {
      const http = process.getBuiltinModule('node:http')
      const agent = kept(plain, how, () => new http.Agent(settings))
      return exchange(request, timeout, http.request(url, { ...basics(request), agent }))
    }
    const https = process.getBuiltinModule('node:https')
    const tls = tlsOf?.(url.host)
    const agent = kept(secure, `${how} ${tls === undefined ? '' : url.host}`, () => {
      return new https.Agent({ ...settings, ...trust(authorities, tls, environment) })
    })
    return exchange(request, timeout, https.request(url, { ...basics(request), agent }))
  }
}

function kept<T>(agents: Map<string, T>, key: string, make: () => T): T {
  const known = agents.get(key)
  if (known !== undefined) return known
  const agent = make()
  agents.set(key, agent)
  return agent
}

function trust(
  authorities: readonly string[],
  tls: HostTls | undefined,
  environment: Environment,
): SecureContextOptions {
  const { getCACertificates } = process.getBuiltinModule('node:tls')
  const file = environment['SSL_CERT_FILE']
  const named = file === undefined || file === '' ? [] : [readOptional(file)]
  const known = [...getCACertificates('default'), ...getCACertificates('system'), ...named, ...authorities]
  return {
    ca: [...new Set([...known, ...(tls?.authorities ?? [])])].filter((each) => each !== ''),
    ...(tls === undefined || tls.pairs.length === 0
      ? {}
      : { cert: tls.pairs.map(({ cert }) => cert), key: tls.pairs.map(({ key }) => key) }),
    ...(tls?.verify === false ? { rejectUnauthorized: false } : {}),
  }
}

/** The variable is often inherited from elsewhere, and names a file that is not here. */
function readOptional(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function basics({ method, headers }: HttpRequest): { method: string; headers: Record<string, string> } {
  return { method, headers: { ...headers } }
}

async function exchange(request: HttpRequest, timeout: number, outgoing: ClientRequest): Promise<HttpResponse> {
  const { body, signal } = request
  const onAbort = (): void => void outgoing.destroy(asError(signal?.reason))
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  outgoing.setTimeout(timeout, () => {
    outgoing.destroy(Object.assign(new Error(`nothing came for ${timeout} ms`), { code: 'ETIMEDOUT' }))
  })
  limitConnecting(outgoing, Math.min(timeout, connectTimeout))
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.on('error', reject)
  })
  answered.catch(() => undefined)
  try {
    await send(outgoing, body, answered)
    const incoming = await answered
    incoming.once('close', () => signal?.removeEventListener('abort', onAbort))
    return responseOf(incoming, outgoing, request.method)
  } catch (error) {
    signal?.removeEventListener('abort', onAbort)
    outgoing.destroy()
    throw error
  }
}

/** Sends the body until it ends or there is an answer: a registry need not read what it refuses. */
async function send(
  outgoing: ClientRequest,
  body: HttpRequest['body'],
  answered: Promise<IncomingMessage>,
): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) {
    outgoing.end(body)
    return
  }
  let early = false
  const settled = answered.then(
    () => void (early = true),
    () => void (early = true),
  )
  for await (const chunk of body) {
    if (early) break
    if (outgoing.write(chunk)) continue
    const drained = new Promise<void>((resolve) => outgoing.once('drain', resolve))
    await Promise.race([drained, settled])
  }
  if (!early) outgoing.end()
}

/** The time of a socket begins when it is connected; the kernel gives up after two minutes. */
function limitConnecting(outgoing: ClientRequest, limit: number): void {
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return
    const timer = setTimeout(() => {
      outgoing.destroy(Object.assign(new Error(`no connection after ${limit} ms`), { code: 'ETIMEDOUT' }))
    }, limit)
    const done = (): void => clearTimeout(timer)
    socket.once('connect', done)
    outgoing.once('close', done)
  })
}

function responseOf(incoming: IncomingMessage, outgoing: ClientRequest, method: string): HttpResponse {
  return {
    status: incoming.statusCode ?? 0,
    header(name) {
      const value = incoming.headers[name]
      return typeof value === 'string' ? value : value?.join(', ')
    },
    body: incoming,
    async discard() {
      // The length that a HEAD is answered with is that of a body that does not come.
      const length = method === 'HEAD' ? 0 : Number(incoming.headers['content-length'] ?? Infinity)
      if (length <= worthReading && outgoing.writableEnded) incoming.resume()
      else incoming.destroy()
    },
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
