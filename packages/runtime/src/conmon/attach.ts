import type { Socket } from 'node:net'
import { join } from 'node:path'
import { connectSeqpacket } from '@gantry/linux'
import { RuntimeError } from '../runtime-error.ts'
import type { Attachment, AttachOptions } from '../task.ts'
import { OutputQueue } from './output-queue.ts'

/** The largest packet of input: conmon cuts off what is beyond 32 KiB, and fills a pipe that may be slow. */
const inputChunk = 8 * 1024
const defaultStallLimit = 10_000

/** What an attachment depends on. */
export interface AttachTarget {
  /** Directory with conmon's `attach` socket. */
  readonly directory: string
  readonly id: string
  readonly stdin: boolean
  /** conmon closes the container's input when any client goes. */
  readonly closesInput: boolean
  /** Output ends only after this has settled, when it is given. */
  readonly settled?: () => Promise<unknown>
}

/**
 * Connects to conmon's attach socket. The socket is read for as long as it is open, since conmon writes to it blocking: one that
 * nobody reads freezes the container. https://github.com/containers/conmon
 * @throws RuntimeError ATTACH_FAILED
 */
export function attachTo(target: AttachTarget, options: AttachOptions = {}): Attachment {
  let socket: Socket
  try {
    socket = connectSeqpacket(join(target.directory, 'attach'))
  } catch (error) {
    throw new RuntimeError('ATTACH_FAILED', `Cannot attach to container "${target.id}": its monitor does not answer`, {
      cause: error,
      hint: 'the container has ended, or its monitor was killed',
    })
  }
  return new SocketAttachment(socket, target, options)
}

class SocketAttachment implements Attachment {
  readonly output: OutputQueue
  readonly #socket: Socket
  readonly #target: AttachTarget
  readonly #givesInput: boolean
  #writing: Promise<void> = Promise.resolve()
  #inputEnded = false
  #closed = false

  constructor(socket: Socket, target: AttachTarget, options: AttachOptions) {
    this.#socket = socket
    this.#target = target
    this.#givesInput = target.stdin && options.stdin !== false
    const flow = { pause: () => socket.pause(), resume: () => socket.resume() }
    this.output = new OutputQueue(flow, options.stallLimit ?? defaultStallLimit)
    // One packet a chunk: the first byte is the stream (2 stdout, 3 stderr).
    socket.on('data', (packet: Buffer) => {
      if (packet.length < 2) return
      this.output.push({ stream: packet[0] === 3 ? 'stderr' : 'stdout', data: packet.subarray(1) })
    })
    socket.on('error', () => {
      this.#finish()
    })
    socket.once('end', () => {
      this.#finish()
    })
    socket.once('close', () => {
      this.#finish()
    })
  }

  write(data: Uint8Array): Promise<void> {
    // One write outstanding: queued ones would be joined to a packet that is too long.
    const result = this.#writing.then(() => this.#send(data))
    this.#writing = result.catch(() => {})
    return result
  }

  end(): void {
    if (this.#inputEnded || !this.#givesInput) return
    this.#inputEnded = true
    void this.#endInput()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.output.drop()
    // conmon would take this client's going for the end of the input, though the input is another client's: stay and throw away.
    if (this.#target.closesInput && !this.#givesInput) this.#socket.unref()
    else this.#socket.destroy()
    this.output.end()
  }

  async #send(data: Uint8Array): Promise<void> {
    if (!this.#givesInput || this.#inputEnded) return
    for (let at = 0; at < data.length; at += inputChunk) {
      const part = data.subarray(at, at + inputChunk)
      await new Promise<void>((resolve, reject) => {
        if (this.#socket.destroyed || this.#socket.writableEnded) {
          reject(this.#gone())
          return
        }
        this.#socket.write(part, (error) => {
          if (error === undefined || error === null) resolve()
          else reject(this.#gone(error))
        })
      })
    }
  }

  async #endInput(): Promise<void> {
    await this.#writing
    // Of several clients' half-closes conmon takes the first as the end of the input.
    if (!this.#socket.destroyed) this.#socket.end()
  }

  #gone(cause?: unknown): RuntimeError {
    return new RuntimeError('ATTACH_FAILED', `Cannot write to container "${this.#target.id}": it has ended`, { cause })
  }

  #finish(): void {
    const { settled } = this.#target
    if (settled === undefined) this.output.end()
    else
      void settled().then(
        () => this.output.end(),
        () => this.output.end(),
      )
    if (!this.#socket.destroyed) this.#socket.destroy()
  }
}
