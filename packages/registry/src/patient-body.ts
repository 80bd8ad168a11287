import type { IncomingMessage } from 'node:http'

/**
 * The body of a request. A client that sends nothing for so many milliseconds is given up: reading fails, and the connection is
 * closed. The time that whoever reads takes does not count. To stop reading leaves the connection open, so that the client
 * still gets its answer; see {@link discardBody}.
 */
export function patientBody(incoming: IncomingMessage, idle: number): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      let waiting = true
      const timer = setTimeout(() => {
        if (waiting) incoming.destroy(new Error(`the client sent nothing for ${idle} ms`))
      }, idle).unref()
      try {
        for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
          waiting = false
          yield chunk
          waiting = true
          timer.refresh()
        }
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** What is still read of a body that nobody wants, before the connection is closed; in bytes. */
const mostDiscarded = 64 * 1024 * 1024

/** Takes what is left of a body out of the way of the next request; closes the connection when that is too much or too slow. */
export function discardBody(incoming: IncomingMessage, idle: number): void {
  if (incoming.readableEnded || incoming.destroyed) return
  let bytes = 0
  const timer = setTimeout(() => incoming.socket.destroy(), idle).unref()
  incoming.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length
    timer.refresh()
    if (bytes > mostDiscarded) incoming.socket.destroy()
  })
  incoming.once('close', () => clearTimeout(timer))
  incoming.once('end', () => clearTimeout(timer))
  // What becomes of it is nobody's concern any more.
  incoming.on('error', () => undefined)
}
