import { open } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { readCertificate, watchCertificate } from './certificate.ts'
import type { Certificate, CertificateFiles } from './certificate.ts'
import type { Answer, FileBody, RegistryRequest, RegistryResponse } from './exchange.ts'
import { discardBody, patientBody } from './patient-body.ts'
import { sendFile } from './send-file.ts'

/** How a registry is served. */
export interface ServeOptions {
  readonly registry: { readonly answer: Answer }
  /** The address to listen at. Default: 127.0.0.1. */
  readonly host?: string
  /** Default: 5000. 0 takes a free one. */
  readonly port?: number
  /** PEM texts, or files that are read again when they change. Without them it is plain HTTP. */
  readonly tls?: Certificate | CertificateFiles
  /** How long a client may neither send nor take a byte in the middle of a body, in milliseconds. Default: a minute. */
  readonly idleTimeout?: number
  /** Told of what went wrong outside of an answer, such as a client that hung up. */
  readonly onError?: (error: unknown) => void
}

/** A registry that listens. */
export interface ServedRegistry {
  readonly host: string
  readonly port: number
  /** `http://127.0.0.1:5000`. */
  readonly address: string
  /** Looks at the files of the certificate now; whether there was a new one. Connections that there are go on. */
  reloadCertificate(): Promise<boolean>
  /** Stops listening, lets the requests under way end for the time given (default 10 s), and closes what is left. */
  close(options?: { readonly timeout?: number }): Promise<void>
}

/**
 * Serves a registry over HTTP. Bodies never pass through Web streams: uploads go from the socket to the staging file, and blobs
 * from the file to the socket.
 */
export async function serveRegistry(options: ServeOptions): Promise<ServedRegistry> {
  const { registry, host = '127.0.0.1', port = 5000, tls, idleTimeout = 60_000, onError } = options
  const scheme = tls === undefined ? 'http' : 'https'
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    exchange({ answer: registry.answer, scheme, idleTimeout }, incoming, outgoing).catch((error: unknown) => {
      onError?.(error)
      outgoing.destroy()
    })
  }
  // An upload may take as long as it takes; only its headers may not.
  const settings = { requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 75_000, maxHeaderSize: 64 * 1024 }
  // Not imported: that would load all that node:http exports, for every command that merely knows the registry's tables.
  const certificate = tls !== undefined && 'keyFile' in tls ? await readCertificate(tls) : tls
  const secure =
    certificate === undefined
      ? undefined
      : process.getBuiltinModule('node:https').createServer({ ...settings, ...certificate }, listener)
  const server: Server = secure ?? process.getBuiltinModule('node:http').createServer(settings, listener)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const watched =
    tls !== undefined && 'keyFile' in tls
      ? await watchCertificate(tls, { use: (renewed) => secure?.setSecureContext(renewed), onError })
      : undefined
  const bound = server.address() as AddressInfo
  const shown = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address
  return {
    host: bound.address,
    port: bound.port,
    address: `${scheme}://${shown}:${bound.port}`,
    reloadCertificate: async () => (await watched?.reload()) ?? false,
    close: ({ timeout = 10_000 } = {}) => {
      watched?.stop()
      return closeServer(server, timeout)
    },
  }
}

async function closeServer(server: Server, timeout: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), timeout)
  await closed
  clearTimeout(timer)
}

interface Exchange {
  readonly answer: Answer
  readonly scheme: 'http' | 'https'
  readonly idleTimeout: number
}

async function exchange(
  { answer, scheme, idleTimeout }: Exchange,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { socket } = incoming
  const sentBefore = socket.bytesWritten
  const response = await answer(requestOf(incoming, scheme, patientBody(incoming, idleTimeout)))
  discardBody(incoming, idleTimeout)
  // From here on only the client can be slow; Node ends the timeout with the answer, and closes the connection after it.
  socket.setTimeout(idleTimeout)
  const { status, headers, body, settled } = response
  if (settled !== undefined) {
    const end = (): void => settled({ completed: outgoing.writableFinished, bytes: socket.bytesWritten - sentBefore })
    if (outgoing.closed) end()
    else outgoing.once('close', end)
  }
  if (body === undefined || body instanceof Uint8Array) {
    outgoing.writeHead(status, headers).end(body)
    return
  }
  if ('path' in body) return answerWithFile(outgoing, response, body)
  outgoing.writeHead(status, headers)
  // What is still to come may take its time: the client is told at once that it comes.
  outgoing.flushHeaders()
  await pipeline(timed(body, socket, idleTimeout), outgoing).catch(ignoreHangUp)
}

/** The time that a body takes to come from elsewhere is not the client's. */
async function* timed(
  body: AsyncIterable<Uint8Array>,
  socket: Socket,
  idleTimeout: number,
): AsyncGenerator<Uint8Array> {
  socket.setTimeout(0)
  for await (const chunk of body) {
    socket.setTimeout(idleTimeout)
    yield chunk
    socket.setTimeout(0)
  }
  socket.setTimeout(idleTimeout)
}

function requestOf(
  incoming: IncomingMessage,
  scheme: 'http' | 'https',
  body: AsyncIterable<Uint8Array>,
): RegistryRequest {
  const peer = incoming.socket.remoteAddress
  const { host } = incoming.headers
  // In front of the path there may be where it is: clients of proxies send that, and servers have to take it.
  const url = (incoming.url ?? '/').replace(/^https?:\/\/[^/?#]*/i, '')
  const mark = url.indexOf('?')
  return {
    method: incoming.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    header(name) {
      const value = incoming.headers[name]
      return typeof value === 'string' ? value : value?.join(', ')
    },
    body,
    scheme,
    ...(peer === undefined ? {} : { peer }),
    ...(host === undefined ? {} : { host }),
  }
}

async function answerWithFile(outgoing: ServerResponse, response: RegistryResponse, body: FileBody): Promise<void> {
  // Opened before the headers are sent: a blob that has just been collected must not become an empty 200.
  await using file = await open(body.path, 'r')
  outgoing.writeHead(response.status, response.headers)
  await sendFile(file, outgoing, body)
}

/** Clients drop connections as a matter of course: those that fetch in parallel open ranges do it for each. */
function ignoreHangUp(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code !== 'ERR_STREAM_PREMATURE_CLOSE' && code !== 'ECONNRESET' && code !== 'EPIPE') throw error
}
