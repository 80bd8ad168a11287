import type { Attachment } from '@gantry/runtime'
import { deferred } from '../deferred.ts'

/** An attachment asked for before the container runs: it takes effect at the start, before the first byte can be written. */
export class PendingAttachment implements Attachment {
  readonly #inner = deferred<Attachment | undefined>()
  readonly #forget: (self: PendingAttachment) => void
  /** Whether this client gives the input. */
  readonly stdin: boolean
  #closed = false

  /** `forget` is called when the client goes away before the start. */
  constructor({ stdin, forget }: { stdin: boolean; forget: (self: PendingAttachment) => void }) {
    this.stdin = stdin
    this.#forget = forget
  }

  /** Output, once there is some; ends at once when the container never starts. */
  get output(): Attachment['output'] {
    return this.#output()
  }

  async *#output(): AsyncGenerator<{ stream: 'stdout' | 'stderr'; data: Uint8Array }, void, undefined> {
    const inner = await this.#inner.promise
    if (inner !== undefined) yield* inner.output
  }

  /** Sends input; before the start it waits for it. */
  async write(data: Uint8Array): Promise<void> {
    const inner = await this.#inner.promise
    await inner?.write(data)
  }

  /** Ends the input. */
  end(): void {
    void this.#inner.promise.then((inner) => inner?.end())
  }

  /** Drops the attachment. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#forget(this)
    void this.#inner.promise.then((inner) => inner?.close())
    this.#inner.resolve(undefined)
  }

  /** The container is about to run. */
  connect(inner: Attachment): void {
    if (this.#closed) inner.close()
    this.#inner.resolve(inner)
  }

  /** The container will not run. */
  giveUp(): void {
    this.#inner.resolve(undefined)
  }
}
