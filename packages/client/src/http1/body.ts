import type { SocketReader } from './reader.ts'
import { HttpSyntaxError } from './head.ts'

/** How long an HTTP/1.1 body is: so many bytes, chunks until the empty one, or all until the connection ends. */
export type BodyLength = number | 'chunked' | 'until-end'

/** Reads the length of a message's body from its headers, as RFC 9112 section 6.3 orders them.
 * @throws HttpSyntaxError when they contradict each other */
export function bodyLengthOf(headers: ReadonlyMap<string, string>, otherwise: BodyLength): BodyLength {
  const coding = headers.get('transfer-encoding')
  const length = headers.get('content-length')
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked' || length !== undefined)
      throw new HttpSyntaxError(
        `Cannot read a body with Transfer-Encoding "${coding}" and Content-Length "${length ?? ''}"`,
      )
    return 'chunked'
  }
  if (length === undefined) return otherwise
  if (!/^\d{1,15}$/.test(length)) throw new HttpSyntaxError(`Malformed Content-Length "${length}"`)
  return Number(length)
}

/** Reads a body, leaving what follows it in the reader. @throws HttpSyntaxError when it is cut short or its chunks are malformed */
export async function* readBody(reader: SocketReader, length: BodyLength): AsyncGenerator<Uint8Array, void, undefined> {
  if (length === 'until-end') yield* reader.rest()
  else if (length === 'chunked') yield* readChunks(reader)
  else yield* readExactly(reader, length)
}

async function* readExactly(reader: SocketReader, length: number): AsyncGenerator<Uint8Array, void, undefined> {
  let left = length
  while (left > 0) {
    const bytes = await reader.read()
    if (bytes === undefined)
      throw new HttpSyntaxError(`The connection ended ${left} bytes before the end of an HTTP body`, { cutShort: true })
    if (bytes.length > left) {
      reader.unread(bytes.subarray(left))
      yield bytes.subarray(0, left)
      return
    }
    left -= bytes.length
    yield bytes
  }
}

async function* readChunks(reader: SocketReader): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const line = await readLine(reader)
    const size = /^([0-9a-fA-F]{1,12})\s*(?:;.*)?$/.exec(line)?.[1]
    if (size === undefined) throw new HttpSyntaxError(`Malformed chunk size "${line.slice(0, 40)}"`)
    const length = Number.parseInt(size, 16)
    if (length === 0) break
    yield* readExactly(reader, length)
    if ((await readLine(reader)) !== '') throw new HttpSyntaxError('A chunk is longer than its size says')
  }
  while ((await readLine(reader)) !== '');
}

async function readLine(reader: SocketReader): Promise<string> {
  let line = ''
  for (;;) {
    const bytes = await reader.read()
    if (bytes === undefined)
      throw new HttpSyntaxError('The connection ended within a chunked HTTP body', { cutShort: true })
    const end = bytes.indexOf(10)
    line += Buffer.from(bytes.buffer, bytes.byteOffset, end < 0 ? bytes.length : end).toString('latin1')
    if (end >= 0) {
      reader.unread(bytes.subarray(end + 1))
      return line.endsWith('\r') ? line.slice(0, -1) : line
    }
    if (line.length > 16 * 1024) throw new HttpSyntaxError('A line within a chunked HTTP body is longer than 16 KiB')
  }
}
