import type { TransferEvent } from '@gantry/engine'
import type { Digest } from '@gantry/oci'

/** Counts what a pull or push moved, and what it did not have to. */
export class TransferCount {
  readonly #started = new Map<Digest, number>()
  #transferred = 0
  #reused = 0

  /** Takes an event in; those that say nothing of bytes change nothing. */
  add(event: TransferEvent): void {
    if (event.kind !== 'blob') return
    const { digest, size } = event.descriptor
    if (event.state === 'start') this.#started.set(digest, event.bytes)
    else if (event.state === 'exists' || event.state === 'mounted') this.#reused += size
    else if (event.state === 'done') {
      const before = this.#started.get(digest) ?? 0
      this.#reused += before
      this.#transferred += size - before
    }
  }

  /** In bytes, so far. */
  get totals(): { readonly Transferred: number; readonly Reused: number } {
    return { Transferred: this.#transferred, Reused: this.#reused }
  }
}
