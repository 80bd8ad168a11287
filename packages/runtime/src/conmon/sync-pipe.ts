import type { Socket } from 'node:net'

/** One message of conmon: a PID, an exit code, or -1 with the runtime's words. */
export interface SyncMessage {
  readonly data: number
  readonly message: string | undefined
}

const longest = 64 * 1024

/**
 * Reads conmon's sync pipe: one JSON object a line. The pipe ends when conmon does, which tells of a killed monitor at once; the
 * stream keeps this process alive only while somebody waits for a message.
 */
export class SyncPipe {
  readonly #messages: SyncMessage[] = []
  readonly #waiting: ((message: SyncMessage | undefined) => void)[] = []
  readonly #ended: Promise<void>
  readonly #stream: Socket
  #text = ''
  #isOver = false

  constructor(stream: Socket) {
    this.#stream = stream
    stream.unref()
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      this.#take(chunk)
    })
    this.#ended = new Promise((resolve) => {
      const over = (): void => {
        this.#isOver = true
        for (const waiter of this.#waiting.splice(0)) waiter(undefined)
        resolve()
      }
      stream.once('close', over)
      stream.once('end', over)
      stream.once('error', over)
    })
  }

  /** The next message; undefined when conmon has ended without one. */
  next(): Promise<SyncMessage | undefined> {
    const message = this.#messages.shift()
    if (message !== undefined || this.#isOver) return Promise.resolve(message)
    this.#stream.ref()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Settles when conmon has ended. */
  ended(): Promise<void> {
    return this.#ended
  }

  #take(chunk: string): void {
    this.#text += chunk
    let end = this.#text.indexOf('\n')
    while (end !== -1) {
      const message = parse(this.#text.slice(0, end))
      this.#text = this.#text.slice(end + 1)
      if (message !== undefined) {
        const waiter = this.#waiting.shift()
        if (this.#waiting.length === 0) this.#stream.unref()
        if (waiter === undefined) this.#messages.push(message)
        else waiter(message)
      }
      end = this.#text.indexOf('\n')
    }
    if (this.#text.length > longest) this.#text = ''
  }
}

function parse(line: string): SyncMessage | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  const { data, message } = (value ?? {}) as { data?: unknown; message?: unknown }
  if (typeof data !== 'number') return undefined
  return { data, message: typeof message === 'string' ? message : undefined }
}
