import type { Output } from '../output.ts'

/** A table that is drawn over itself on a terminal, and one after another elsewhere. */
export class LiveTable {
  readonly #out: Output
  readonly #clears: boolean
  #drawn = false

  constructor(out: Output, { clears }: { clears: boolean }) {
    this.#out = out
    this.#clears = clears
  }

  /** Shows what `print` writes in place of what was there. */
  draw(print: (out: Output) => void): void {
    let text = ''
    print({ ...this.#out, write: (piece) => void (text += piece) })
    if (!this.#clears) {
      this.#out.write(text)
      return
    }
    // The first time the screen is made free; then lines are written over and what is left below is cleared.
    const start = this.#drawn ? '\x1b[H' : '\x1b[2J\x1b[H'
    this.#drawn = true
    this.#out.write(`${start}${text.replaceAll('\n', '\x1b[K\n')}\x1b[J`)
  }
}
