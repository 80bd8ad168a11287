import type { Agent as HttpAgent, ClientRequest, IncomingMessage } from 'node:http'
import type { Agent as HttpsAgent } from 'node:https'
import type { HttpRequest, HttpResponse, Transport } from './transport.ts'

/** How connections are made. */
export interface NodeTransportOptions {
  /** PEM texts of certificate authorities that are trusted beside those of Node and of the system. */
  readonly authorities?: readonly string[]
  /** A connection on which nothing moves for so long is given up, in milliseconds. Default: one minute. */
  readonly timeout?: number
  /** Where `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are looked up. Default: the environment of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Making a connection takes at most so long, in milliseconds: nobody who is there needs more. */
const connectTimeout = 20_000

/** Bodies up to this size are read to their end to keep the connection, larger ones are cut off. */
const worthReading = 64 * 1024

/**
 * A transport over Node's own HTTP client, whose streams are twice as fast as those of `fetch`. Connections are kept and used
 * again, several per host; they do not keep the process alive.
 */
export function nodeTransport(options: NodeTransportOptions = {}): Transport {
  const { timeout = 60_000, environment = process.env, authorities = [] } = options
  const settings = { keepAlive: true, scheduling: 'lifo' as const, timeout, proxyEnv: { ...environment } }
  let plain: HttpAgent | undefined
  let secure: HttpsAgent | undefined
  return (request) => {
    // Taken at the first request, and not imported: an import costs every command 35 ms, since it loads all that node:http exports.
    if (request.url.protocol === 'http:') {
      const http = process.getBuiltinModule('node:http')
      plain ??= new http.Agent(settings)
      return exchange(request, timeout, http.request(request.url, { ...basics(request), agent: plain }))
    }
    const https = process.getBuiltinModule('node:https')
    const { getCACertificates } = process.getBuiltinModule('node:tls')
    secure ??= new https.Agent({
      ...settings,
      ca: [...new Set([...getCACertificates('default'), ...getCACertificates('system'), ...authorities])],
    })
    return exchange(request, timeout, https.request(request.url, { ...basics(request), agent: secure }))
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
