import type { Socket } from 'node:net'
import { bodyLengthOf, HttpSyntaxError, readBody, readHead, SocketReader, type MessageHead } from '@gantry/client'
import { badRequest } from './api-failure.ts'
import { failureOf } from './error-status.ts'
import type { ApiRequest, Handler, RawStream, Reply } from './message.ts'
import { splitVersion } from './version.ts'

/** What every answer carries. */
export type CommonHeaders = Readonly<Record<string, string>>

const largestJson = 4 * 1024 * 1024

/**
 * Serves one connection with HTTP/1.1: requests one after another, answers that stream, and connections that become streams. Written
 * for the API rather than taken from Node, whose server parses the body of an upgrade in one version and leaves it in the next, and
 * holds back bytes that clients read from the socket themselves. The socket must allow half-open use.
 */
export async function serveConnection(
  socket: Socket,
  { handler, headers }: { handler: Handler; headers: CommonHeaders },
): Promise<void> {
  const reader = new SocketReader(socket)
  try {
    for (;;) {
      const head = await readHead(reader)
      if (head === undefined) break
      if (!(await serveRequest({ socket, reader, handler, headers }, head))) break
    }
    socket.end()
  } catch (error) {
    if (error instanceof HttpSyntaxError && socket.writable)
      socket.end(headText(400, { ...headers, 'Content-Type': 'text/plain', Connection: 'close' }) + error.message)
    else socket.destroy()
  }
}

interface Connection {
  readonly socket: Socket
  readonly reader: SocketReader
  readonly handler: Handler
  readonly headers: CommonHeaders
}

/** Serves one request; returns whether the connection can take another. */
async function serveRequest(connection: Connection, head: MessageHead): Promise<boolean> {
  const { socket, reader, handler } = connection
  const line = /^([A-Z]+) (\S+) HTTP\/1\.([01])$/.exec(head.startLine)
  if (line === null) throw new HttpSyntaxError(`Malformed request line "${head.startLine.slice(0, 80)}"`)
  const [, method = '', target = '', minor] = line
  const gone = new AbortController()
  const body = new RequestBody(connection, head, gone)
  const upgrade = /\bupgrade\b/i.test(head.headers.get('connection') ?? '')
  const reply = await answer(handler, () => requestOf({ method, target, head, body, upgrade, signal: gone.signal }))
  if (reply.kind === 'hijack') {
    await hijack(connection, reply, { upgrade, input: body.following() })
    return false
  }
  const reusable = minor === '1' && !/\bclose\b/i.test(head.headers.get('connection') ?? '')
  // A stream may still be reading the request while it answers.
  const keep = reusable && (reply.kind === 'stream' ? body.complete : await body.finish()) && !socket.destroyed
  await send(connection, reply, { headOnly: method === 'HEAD', chunked: minor === '1', keep })
  gone.abort()
  if (!keep) return false
  return (await body.settled()) && (await reader.peek())
}

async function answer(handler: Handler, request: () => ApiRequest): Promise<Reply> {
  try {
    return await handler(request())
  } catch (error) {
    const { status, message, code } = failureOf(error)
    return { kind: 'json', status, value: { message, code } }
  }
}

function requestOf({
  method,
  target,
  head,
  body,
  upgrade,
  signal,
}: {
  method: string
  target: string
  head: MessageHead
  body: RequestBody
  upgrade: boolean
  signal: AbortSignal
}): ApiRequest {
  const mark = target.indexOf('?')
  const { version, path } = splitVersion(mark < 0 ? target : target.slice(0, mark))
  return {
    method,
    path: path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path,
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    headers: head.headers,
    version,
    upgrade,
    body: body.bytes(),
    signal,
    json: () => jsonBody(body.bytes()),
  }
}

async function jsonBody(bytes: AsyncIterable<Uint8Array>): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.length
    if (size > largestJson) throw badRequest(`the request's body is over ${largestJson} bytes`)
    chunks.push(chunk)
  }
  if (size === 0) return {}
  let value: unknown
  try {
    value = JSON.parse(Buffer.concat(chunks).toString())
  } catch (error) {
    throw badRequest(`invalid JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw badRequest('invalid JSON: the body is not an object')
  return value as Readonly<Record<string, unknown>>
}

/** The body of a request. When it has been read, the connection is watched, so that a client that leaves is noticed. */
class RequestBody {
  readonly #connection: Connection
  readonly #gone: AbortController
  readonly #length: ReturnType<typeof bodyLengthOf>
  readonly #expects: boolean
  readonly #upgrade: boolean
  #read = false
  #complete = false
  #watching: Promise<boolean> | undefined

  constructor(connection: Connection, head: MessageHead, gone: AbortController) {
    this.#connection = connection
    this.#gone = gone
    this.#length = bodyLengthOf(head.headers, 0)
    this.#expects = /100-continue/i.test(head.headers.get('expect') ?? '')
    this.#upgrade = /\bupgrade\b/i.test(head.headers.get('connection') ?? '')
    if (this.#length === 0) this.#done()
  }

  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#read || this.#complete) return
    this.#read = true
    if (this.#expects) this.#connection.socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    try {
      for await (const chunk of readBody(this.#connection.reader, this.#length)) yield chunk
      this.#done()
    } catch (error) {
      this.#gone.abort()
      throw error
    }
  }

  /** Whether all of it has been read. */
  get complete(): boolean {
    return this.#complete
  }

  /** What a connection that becomes a stream sends: a body that is still open is its first part. */
  async *following(): AsyncGenerator<Uint8Array, void, undefined> {
    if (!this.#upgrade && this.#length === 'chunked' && !this.#complete) yield* this.bytes()
    else if (await this.settled()) yield* this.#connection.reader.rest()
  }

  /** Reads what the handler left, if that is little; returns whether the next request can follow. */
  async finish(): Promise<boolean> {
    if (this.#complete) return true
    if (this.#read || this.#expects || typeof this.#length !== 'number' || this.#length > 65_536) return false
    for await (const chunk of this.bytes()) void chunk
    return this.#complete
  }

  /** Waits until nobody reads the connection any more; returns whether something follows. */
  async settled(): Promise<boolean> {
    return this.#upgrade || (await (this.#watching ?? Promise.resolve(true)))
  }

  async #watch(): Promise<boolean> {
    const more = await this.#connection.reader.peek().catch(() => false)
    if (!more) this.#gone.abort()
    return more
  }

  #done(): void {
    this.#complete = true
    // A stream's end is its input's end, and no leaving.
    if (this.#upgrade) return
    this.#watching = this.#watch()
  }
}

async function hijack(
  { socket, headers }: Connection,
  reply: Extract<Reply, { kind: 'hijack' }>,
  { upgrade, input }: { upgrade: boolean; input: AsyncIterable<Uint8Array> },
): Promise<void> {
  const own = { ...headers, 'Content-Type': reply.contentType }
  socket.write(upgrade ? headText(101, { ...own, Connection: 'Upgrade', Upgrade: 'tcp' }) : headText(200, own))
  const closed = new Promise<void>((resolve) => {
    socket.once('close', resolve)
  })
  const stream: RawStream = { input, write: (data) => writeAll(socket, data), closed }
  try {
    await reply.serve(stream)
  } finally {
    socket.end()
    // A client that has sent what nobody read would see a reset in place of the end: it gets time to read that first.
    const late = setTimeout(() => socket.destroy(), 2000)
    void closed.then(() => clearTimeout(late))
  }
}

function writeAll(socket: Socket, data: Uint8Array | string): Promise<void> {
  if (!socket.writable || socket.write(data)) return Promise.resolve()
  return new Promise((resolve) => {
    const ready = (): void => {
      socket.removeListener('drain', ready)
      socket.removeListener('close', ready)
      resolve()
    }
    socket.on('drain', ready)
    socket.on('close', ready)
  })
}

async function send(
  { socket, headers }: Connection,
  reply: Exclude<Reply, { kind: 'hijack' }>,
  { headOnly, chunked, keep }: { headOnly: boolean; chunked: boolean; keep: boolean },
): Promise<void> {
  const common = { ...headers, ...(keep ? {} : { Connection: 'close' }) }
  if (reply.kind === 'stream') {
    await sendStream(socket, reply, { common, chunked: chunked && !headOnly, headOnly })
    return
  }
  const { text, own } = contentOf(reply)
  const length =
    reply.kind === 'empty' && (reply.status === 204 || reply.status === 304)
      ? {}
      : { 'Content-Length': String(Buffer.byteLength(text)) }
  await writeAll(socket, headText(reply.status, { ...common, ...own, ...length }) + (headOnly ? '' : text))
}

function contentOf(reply: Exclude<Reply, { kind: 'hijack' | 'stream' }>): {
  text: string
  own: Record<string, string>
} {
  if (reply.kind === 'json')
    return { text: `${JSON.stringify(reply.value)}\n`, own: { 'Content-Type': 'application/json' } }
  if (reply.kind === 'text')
    return { text: reply.text, own: { 'Content-Type': 'text/plain; charset=utf-8', ...reply.headers } }
  return { text: '', own: { ...reply.headers } }
}

async function sendStream(
  socket: Socket,
  { status, contentType, body, headers }: Extract<Reply, { kind: 'stream' }>,
  { common, chunked, headOnly }: { common: CommonHeaders; chunked: boolean; headOnly: boolean },
): Promise<void> {
  const coding = chunked ? { 'Transfer-Encoding': 'chunked' } : { Connection: 'close' }
  socket.write(headText(status, { ...common, ...headers, 'Content-Type': contentType, ...coding }))
  if (headOnly) return
  for await (const chunk of body) {
    if (socket.destroyed || !socket.writable) return
    if (chunk.length === 0) continue
    if (!chunked) {
      await writeAll(socket, chunk)
      continue
    }
    // One write for a chunk: old clients read a whole record at a time.
    const head = `${chunk.length.toString(16)}\r\n`
    await writeAll(socket, Buffer.concat([Buffer.from(head), chunk, Buffer.from('\r\n')]))
  }
  if (chunked) await writeAll(socket, '0\r\n\r\n')
}

const reasons: Readonly<Record<number, string>> = {
  101: 'UPGRADED',
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
}

function headText(status: number, headers: CommonHeaders): string {
  let text = `HTTP/1.1 ${status} ${reasons[status] ?? 'Status'}\r\n`
  for (const [name, value] of Object.entries(headers)) text += `${name}: ${value}\r\n`
  return `${text}Date: ${new Date().toUTCString()}\r\n\r\n`
}
