import { connect, type Socket } from 'node:net'
import { ApiError, errorCodeOf } from './api-error.ts'
import { hijacked, type HijackedStream } from './hijack.ts'
import { bodyLengthOf, readBody } from './http1/body.ts'
import { HttpSyntaxError, readHead } from './http1/head.ts'
import { SocketReader } from './http1/reader.ts'
import { requestHead, sendChunks, type RequestOptions } from './http1/request.ts'

/** An answer whose status is below 400. Its body is read to the end, discarded, or dropped with its connection by leaving the loop. */
export interface HttpResponse {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: AsyncIterable<Uint8Array>
  json<T>(): Promise<T>
  discard(): Promise<void>
}

interface Connection {
  readonly socket: Socket
  readonly reader: SocketReader
  readonly reused: boolean
}

/** HTTP/1.1 over a unix socket, written for one peer and a quick start: Node's own client takes longer to load than a container to
 * start. Connections are kept for the next request. */
export class Http {
  readonly #path: string
  readonly #idle: { socket: Socket; reader: SocketReader }[] = []

  /** `first` is a connection that is open already and becomes that of the first request. It allows half-open use. */
  constructor(path: string, first?: Socket) {
    this.#path = path
    if (first !== undefined) this.#idle.push({ socket: first, reader: new SocketReader(first) })
  }

  /** Drops the idle connections. */
  close(): void {
    for (const { socket } of this.#idle.splice(0)) socket.destroy()
  }

  /** Sends a request and waits for the head of its answer. @throws ApiError */
  async request(method: string, target: string, options: RequestOptions = {}): Promise<HttpResponse> {
    const { signal } = options
    let connection = await this.#connection(signal)
    try {
      return await this.#exchange(connection, method, target, options)
    } catch (error) {
      connection.socket.destroy()
      // The daemon may close an idle connection at the moment we take it up: that request was never seen.
      if (!connection.reused || options.body !== undefined || !isLost(error)) throw error
      connection = await this.#connect(signal)
      try {
        return await this.#exchange(connection, method, target, options)
      } catch (again) {
        connection.socket.destroy()
        throw again
      }
    }
  }

  /** Sends a request whose answer is JSON. @throws ApiError */
  async json<T>(method: string, target: string, options?: RequestOptions): Promise<T> {
    return (await this.request(method, target, options)).json<T>()
  }

  /** Sends a request whose answer has nothing to read; returns its status. @throws ApiError */
  async empty(method: string, target: string, options?: RequestOptions): Promise<number> {
    const response = await this.request(method, target, options)
    await response.discard()
    return response.status
  }

  /** Turns a connection into a stream of its own by a POST with `Upgrade: tcp`. @throws ApiError */
  async hijack(
    target: string,
    options: { json?: unknown; signal?: AbortSignal | undefined } = {},
  ): Promise<HijackedStream> {
    const connection = await this.#connect(options.signal)
    const { socket, reader } = connection
    try {
      socket.write(requestHead('POST', target, { ...options, headers: { Connection: 'Upgrade', Upgrade: 'tcp' } }))
      const head = await this.#head(connection, options.signal)
      if (head.status !== 101) {
        await this.#refuse(connection, head)
        throw new ApiError('PROTOCOL', `The daemon answered ${head.status} in place of 101 to POST ${target}`, {
          status: head.status,
        })
      }
      return hijacked(socket, reader, { contentType: head.headers.get('content-type') ?? '', signal: options.signal })
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  async #exchange(
    connection: Connection,
    method: string,
    target: string,
    options: RequestOptions,
  ): Promise<HttpResponse> {
    const { socket, reader } = connection
    const { signal } = options
    let complete = false
    const abort = (): void => {
      if (!complete) socket.destroy(aborted(signal))
    }
    signal?.addEventListener('abort', abort, { once: true })
    const done = (reusable: boolean): void => {
      complete = true
      signal?.removeEventListener('abort', abort)
      if (reusable) this.#keep(socket, reader)
      else socket.destroy()
    }
    try {
      socket.write(requestHead(method, target, options))
      if (options.body !== undefined) sendChunks(socket, options.body)
      const head = await this.#head(connection, signal)
      if (head.status >= 400) await this.#refuse(connection, head, method === 'HEAD')
      const none = method === 'HEAD' || head.status === 204 || head.status === 304
      const length = none ? 0 : bodyLengthOf(head.headers, 'until-end')
      const reusable = length !== 'until-end' && head.headers.get('connection')?.toLowerCase() !== 'close'
      const body = bodyOf(reader, { length, signal, done: (whole) => done(whole && reusable) })
      if (length === 0) done(reusable)
      return responseOf(head.status, head.headers, body)
    } catch (error) {
      done(false)
      throw error
    }
  }

  async #head({ reader }: Connection, signal: AbortSignal | undefined): Promise<ResponseHead> {
    try {
      const head = await readHead(reader)
      if (head === undefined)
        throw new ApiError('CONNECTION_LOST', 'The daemon closed the connection without an answer')
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(head.startLine)?.[1]
      if (status === undefined)
        throw new ApiError('PROTOCOL', `The daemon's answer is not HTTP/1.1: "${head.startLine.slice(0, 80)}"`)
      if (status === '100') return await this.#head({ reader } as Connection, signal)
      return { status: Number(status), headers: head.headers }
    } catch (error) {
      throw asApiError(error, signal)
    }
  }

  /** Throws the error that an answer tells of; returns for an answer below 400. */
  async #refuse({ reader, socket }: Connection, { status, headers }: ResponseHead, headOnly = false): Promise<void> {
    if (status < 400) return
    let text = ''
    for await (const chunk of readBody(reader, headOnly ? 0 : bodyLengthOf(headers, 'until-end'))) {
      text += Buffer.from(chunk).toString()
      if (text.length > 64 * 1024) break
    }
    socket.destroy()
    let message = text.trim()
    let reason: string | undefined
    try {
      const value = JSON.parse(text) as { message?: unknown; code?: unknown }
      if (typeof value.message === 'string') message = value.message
      if (typeof value.code === 'string') reason = value.code
    } catch {
      // Not JSON: the text itself is the message.
    }
    throw new ApiError(errorCodeOf(status), message === '' ? `The daemon answered ${status}` : message, {
      status,
      ...(reason === undefined ? {} : { reason }),
    })
  }

  #keep(socket: Socket, reader: SocketReader): void {
    if (socket.destroyed || socket.readableEnded) return
    socket.unref()
    this.#idle.push({ socket, reader })
  }

  async #connection(signal: AbortSignal | undefined): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.socket.destroyed || idle.socket.readableEnded) continue
      idle.socket.ref()
      return { ...idle, reused: true }
    }
    return this.#connect(signal)
  }

  #connect(signal: AbortSignal | undefined): Promise<Connection> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(aborted(signal))
        return
      }
      const socket = connect({ path: this.#path, allowHalfOpen: true })
      const reader = new SocketReader(socket)
      const failed = (cause: NodeJS.ErrnoException): void => {
        reject(connectError(this.#path, cause))
      }
      socket.once('error', failed)
      socket.once('connect', () => {
        socket.removeListener('error', failed)
        resolve({ socket, reader, reused: false })
      })
    })
  }
}

interface ResponseHead {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
}

interface BodyOptions {
  readonly length: number | 'chunked' | 'until-end'
  readonly signal: AbortSignal | undefined
  readonly done: (whole: boolean) => void
}

async function* bodyOf(
  reader: SocketReader,
  { length, signal, done }: BodyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (length === 0) return
  let whole = false
  try {
    yield* readBody(reader, length)
    whole = true
  } catch (error) {
    throw asApiError(error, signal)
  } finally {
    done(whole)
  }
}

function responseOf(
  status: number,
  headers: ReadonlyMap<string, string>,
  body: AsyncIterable<Uint8Array>,
): HttpResponse {
  const text = async (): Promise<string> => {
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  }
  return {
    status,
    headers,
    body,
    json: async <T>() => {
      const content = await text()
      try {
        return JSON.parse(content) as T
      } catch (cause) {
        throw new ApiError('PROTOCOL', `The daemon's answer is not JSON: "${content.slice(0, 80)}"`, { status, cause })
      }
    },
    discard: async () => {
      await text()
    },
  }
}

function aborted(signal: AbortSignal | undefined): ApiError {
  return new ApiError('ABORTED', 'The request was given up', { cause: signal?.reason })
}

function asApiError(error: unknown, signal: AbortSignal | undefined): ApiError {
  if (error instanceof ApiError) return error
  if (signal?.aborted === true) return aborted(signal)
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof HttpSyntaxError && !error.cutShort ? 'PROTOCOL' : 'CONNECTION_LOST'
  return new ApiError(code, `The connection to the daemon failed: ${message}`, {
    cause: error,
    hint: 'if the daemon was stopped, containers go on: "gantry ps" starts it again and lists them',
  })
}

function isLost(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'CONNECTION_LOST'
}

function connectError(path: string, cause: NodeJS.ErrnoException): ApiError {
  const details = {
    cause,
    ...(cause.code === 'EACCES' ? { hint: 'run it as root, or join the group of the socket' } : {}),
  }
  const reason = cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED' ? 'no daemon listens there' : cause.message
  return new ApiError('CONNECT_FAILED', `Cannot connect to the daemon at "${path}": ${reason}`, details)
}
