import type { Duplex } from 'node:stream'

/** Pulls bytes from a socket, one waiting reader at a time, with the right to look ahead. Nothing is read that nobody asked for
 * beyond the socket's own buffer, so a slow reader slows the sender down. */
export class SocketReader {
  readonly #socket: Duplex
  #pushed: Uint8Array | undefined
  #ended = false
  #error: Error | undefined
  #wake: (() => void) | undefined

  constructor(socket: Duplex) {
    this.#socket = socket
    const wake = (): void => {
      const waiting = this.#wake
      this.#wake = undefined
      waiting?.()
    }
    socket.on('readable', wake)
    socket.once('end', () => {
      this.#ended = true
      wake()
    })
    socket.once('close', () => {
      this.#ended = true
      wake()
    })
    socket.on('error', (error: Error) => {
      this.#error = error
      wake()
    })
  }

  /** The next bytes, or `undefined` at the end of the stream. @throws the socket's error */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const ready = this.take()
      if (ready !== undefined) return ready
      if (this.#error !== undefined) throw this.#error
      if (this.#ended) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** The bytes that are already here, without waiting. */
  take(): Uint8Array | undefined {
    const pushed = this.#pushed
    if (pushed !== undefined) {
      this.#pushed = undefined
      return pushed
    }
    return (this.#socket.read() as Uint8Array | null) ?? undefined
  }

  /** Gives bytes back; the next read returns them first. */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#pushed = this.#pushed === undefined ? bytes : Buffer.concat([bytes, this.#pushed])
  }

  /** Waits until a byte is here to be read (true) or the stream has ended (false), and leaves it there. */
  async peek(): Promise<boolean> {
    const bytes = await this.read()
    if (bytes === undefined) return false
    this.unread(bytes)
    return true
  }

  /** Everything that is left, to the end of the stream. */
  async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) yield chunk
  }
}
