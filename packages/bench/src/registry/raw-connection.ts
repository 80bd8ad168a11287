import { connect, type Socket } from 'node:net'

/** What is asked over a raw connection. */
export interface RawRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is, part after part, never copied. */
  readonly body?: { readonly size: number; readonly parts: () => Iterable<Uint8Array> }
  /** Whether the body of the answer is wanted, or only its size. */
  readonly keep?: boolean
}

/** An answer. */
export interface RawAnswer {
  readonly status: number
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /** Bytes of the body. */
  readonly size: number
  readonly text: string
  /** Milliseconds from the first byte sent to the first byte of the answer. */
  readonly firstByte: number
}

const readSize = 512 * 1024

/**
 * One connection to a server, which stays open: HTTP/1.1 as little as a load generator needs of it. Everything is read into one
 * buffer, bodies are counted and not kept, so that the generator costs much less than any server that it measures.
 */
export class RawConnection implements Disposable {
  readonly #address: string
  readonly #socket: Socket
  #answer: Parsing | undefined
  #failed: Error | undefined

  private constructor(address: string, socket: Socket) {
    this.#address = address
    this.#socket = socket
    const fail = (error?: Error): void => {
      this.#failed ??= error ?? new Error(`${address} closed the connection`)
      this.#answer?.reject(this.#failed)
    }
    socket.on('error', fail)
    socket.on('close', () => fail())
  }

  /** Connects to `host:port`. */
  static open(address: string): Promise<RawConnection> {
    const [host = '', port = ''] = address.split(':')
    return new Promise((resolve, reject) => {
      let made: RawConnection | undefined
      const socket = connect({
        host,
        port: Number(port),
        onread: {
          buffer: Buffer.allocUnsafeSlow(readSize),
          callback(length, buffer) {
            if (made !== undefined) made.#take(Buffer.from(buffer.buffer, buffer.byteOffset, length))
            return true
          },
        },
      })
      socket.setNoDelay(true)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        made = new RawConnection(address, socket)
        resolve(made)
      })
    })
  }

  /** Asks, and resolves when the whole answer is there. One request at a time. */
  async ask(request: RawRequest): Promise<RawAnswer> {
    if (this.#failed !== undefined) throw this.#failed
    const { method, path, headers = {}, body, keep = false } = request
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const length = method === 'GET' || method === 'HEAD' ? '' : `Content-Length: ${body?.size ?? 0}\r\n`
    const head = `${method} ${path} HTTP/1.1\r\nHost: ${this.#address}\r\n${length}${lines.join('')}\r\n`
    const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>()
    this.#answer = new Parsing({ isHead: method === 'HEAD', keep, resolve, reject })
    this.#socket.write(head, 'latin1')
    for (const part of body?.parts() ?? []) {
      // A server that answers before it has everything will not read the rest.
      if (this.#answer.isDone || this.#failed !== undefined) break
      if (!this.#socket.write(part)) await this.#drained()
    }
    return promise
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done)
        this.#socket.off('close', done)
        resolve()
      }
      this.#socket.on('drain', done)
      this.#socket.on('close', done)
    })
  }

  #take(bytes: Buffer): void {
    this.#answer?.take(bytes)
  }
}

interface ParsingParts {
  readonly isHead: boolean
  readonly keep: boolean
  readonly resolve: (answer: RawAnswer) => void
  readonly reject: (error: Error) => void
}

const blank = Buffer.from('\r\n\r\n')

/** An answer that is coming in. */
class Parsing {
  readonly reject: (error: Error) => void
  isDone = false
  readonly #parts: ParsingParts
  readonly #began = performance.now()
  #firstByte = 0
  #head: Buffer = Buffer.alloc(0)
  #answer: { readonly status: number; readonly headers: ReadonlyMap<string, string> } | undefined
  #expected: number | 'chunked' = 0
  #size = 0
  #kept: Buffer[] = []

  constructor(parts: ParsingParts) {
    this.#parts = parts
    this.reject = parts.reject
  }

  take(bytes: Buffer): void {
    if (this.#firstByte === 0) this.#firstByte = performance.now() - this.#began
    if (this.#answer !== undefined) return this.#takeBody(bytes)
    this.#head = Buffer.concat([this.#head, bytes])
    const end = this.#head.indexOf(blank)
    if (end < 0) return
    const rest = this.#head.subarray(end + blank.length)
    const [first = '', ...lines] = this.#head.toString('latin1', 0, end).split('\r\n')
    const headers = new Map(
      lines.map((line): [string, string] => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    const status = Number(first.split(' ')[1])
    this.#head = Buffer.alloc(0)
    // "100 Continue" goes before the answer.
    if (status < 200) return rest.length > 0 ? this.take(rest) : undefined
    this.#answer = { status, headers }
    const isChunked = headers.get('transfer-encoding') === 'chunked'
    const none = this.#parts.isHead || status === 204 || status === 304
    this.#expected = none ? 0 : isChunked ? 'chunked' : Number(headers.get('content-length') ?? 0)
    this.#takeBody(rest)
  }

  #takeBody(bytes: Buffer): void {
    this.#size += bytes.length
    // Documents that come in chunks are small; of others only the size counts.
    if (this.#parts.keep || this.#expected === 'chunked') this.#kept.push(Buffer.from(bytes))
    if (this.#expected !== 'chunked') {
      if (this.#size >= this.#expected) this.#end(Buffer.concat(this.#kept).toString())
      return
    }
    const all = Buffer.concat(this.#kept)
    this.#kept = [all]
    const text = all.toString('latin1')
    if (text === '0\r\n\r\n' || text.endsWith('\r\n0\r\n\r\n')) this.#end(dechunked(text))
  }

  #end(text: string): void {
    if (this.#answer === undefined || this.isDone) return
    this.isDone = true
    this.#parts.resolve({ ...this.#answer, size: this.#size, text, firstByte: this.#firstByte })
  }
}

function dechunked(text: string): string {
  let rest = text
  let plain = ''
  for (;;) {
    const line = rest.indexOf('\r\n')
    const length = Number.parseInt(rest.slice(0, line), 16)
    if (!(length > 0)) return plain
    plain += rest.slice(line + 2, line + 2 + length)
    rest = rest.slice(line + 2 + length + 2)
  }
}
