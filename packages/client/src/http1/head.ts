import type { SocketReader } from './reader.ts'

/** The start line and the headers of an HTTP/1.1 message. Header names are lower case; repeated ones are joined with `, `. */
export interface MessageHead {
  readonly startLine: string
  readonly headers: ReadonlyMap<string, string>
}

/** The peer did not speak HTTP/1.1 as RFC 9112 has it, or more of it than is allowed. */
export class HttpSyntaxError extends Error {
  override readonly name = 'HttpSyntaxError'
  readonly code = 'HTTP_SYNTAX'
  /** What there was of it was right, but it ended too soon: the peer has gone. */
  readonly cutShort: boolean

  constructor(message: string, { cutShort = false }: { cutShort?: boolean } = {}) {
    super(message)
    this.cutShort = cutShort
  }
}

const limit = 64 * 1024

/** Reads a message head. Returns `undefined` when the stream ended before its first byte.
 * @throws HttpSyntaxError when it is malformed, cut short, or longer than 64 KiB */
export async function readHead(reader: SocketReader): Promise<MessageHead | undefined> {
  let bytes: Buffer = Buffer.alloc(0)
  for (;;) {
    const chunk = await reader.read()
    if (chunk === undefined) {
      if (bytes.length === 0) return undefined
      throw new HttpSyntaxError('The connection ended in the middle of an HTTP head', { cutShort: true })
    }
    const from = Math.max(0, bytes.length - 3)
    bytes = bytes.length === 0 ? asBuffer(chunk) : Buffer.concat([bytes, chunk])
    // A robust reader skips empty lines before the start line (RFC 9112, 2.2).
    while (bytes.length >= 2 && bytes[0] === 13 && bytes[1] === 10) bytes = bytes.subarray(2)
    const end = bytes.indexOf('\r\n\r\n', Math.min(from, bytes.length))
    if (end >= 0) {
      reader.unread(bytes.subarray(end + 4))
      return parseHead(bytes.toString('latin1', 0, end))
    }
    if (bytes.length > limit) throw new HttpSyntaxError(`An HTTP head is longer than ${limit} bytes`)
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function parseHead(text: string): MessageHead {
  const lines = text.split('\r\n')
  const startLine = lines[0] ?? ''
  const headers = new Map<string, string>()
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string
    const colon = line.indexOf(':')
    if (colon <= 0 || /\s/.test(line.slice(0, colon))) throw new HttpSyntaxError(`Malformed HTTP header "${line}"`)
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return { startLine, headers }
}
