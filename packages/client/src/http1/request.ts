import type { Socket } from 'node:net'

/** What a request carries besides its target. `json` and `body` exclude each other. */
export interface RequestOptions {
  readonly json?: unknown
  readonly body?: AsyncIterable<Uint8Array>
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
}

/** Writes the head of a request, and its body when that is JSON. */
export function requestHead(method: string, target: string, { json, body, headers = {} }: RequestOptions): string {
  let text = `${method} ${target} HTTP/1.1\r\nHost: gantry\r\nUser-Agent: gantry\r\n`
  for (const [name, value] of Object.entries(headers)) text += `${name}: ${value}\r\n`
  if (body !== undefined) return `${text}Transfer-Encoding: chunked\r\n\r\n`
  if (json === undefined) return method === 'POST' ? `${text}Content-Length: 0\r\n\r\n` : `${text}\r\n`
  const content = JSON.stringify(json)
  return `${text}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}`
}

/** Sends a body in chunks as fast as the socket takes them; a failure of the source destroys the socket. */
export function sendChunks(socket: Socket, body: AsyncIterable<Uint8Array>): void {
  const send = async (): Promise<void> => {
    for await (const chunk of body) {
      if (socket.destroyed) return
      if (chunk.length === 0) continue
      socket.write(`${chunk.length.toString(16)}\r\n`)
      socket.write(chunk)
      if (!socket.write('\r\n')) await new Promise<void>((resolve) => onceEither(socket, 'drain', 'close', resolve))
    }
    socket.write('0\r\n\r\n')
  }
  send().catch((error: unknown) => socket.destroy(error instanceof Error ? error : new Error(String(error))))
}

function onceEither(socket: Socket, one: string, other: string, then: () => void): void {
  const fire = (): void => {
    socket.removeListener(one, fire)
    socket.removeListener(other, fire)
    then()
  }
  socket.on(one, fire)
  socket.on(other, fire)
}
