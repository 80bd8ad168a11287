import { badRequest } from '../http/api-failure.ts'

/** Watches a terminal's input for the keys that detach from it: Docker's are ctrl-p ctrl-q. */
export class DetachKeys {
  readonly #keys: readonly number[]
  #matched = 0

  /** @throws ApiFailure 400 when the text is not keys joined with commas */
  constructor(text: string | undefined) {
    this.#keys = text === undefined || text === '' ? [16, 17] : text.split(',').map(keyCode)
  }

  /** What of the input goes on to the process. Keys of a sequence that is not complete are held back until it is clear. */
  take(input: Uint8Array): { bytes: Uint8Array; detached: boolean } {
    const out: number[] = []
    for (const byte of input) {
      if (byte === this.#keys[this.#matched]) {
        if (++this.#matched === this.#keys.length) return { bytes: Uint8Array.from(out), detached: true }
        continue
      }
      out.push(...this.#keys.slice(0, this.#matched))
      this.#matched = byte === this.#keys[0] ? 1 : 0
      if (this.#matched === 0) out.push(byte)
    }
    return { bytes: Uint8Array.from(out), detached: false }
  }
}

function keyCode(text: string): number {
  if (text.length === 1) return text.charCodeAt(0)
  const control = /^ctrl-(.)$/.exec(text)?.[1]?.toUpperCase()
  const code = control === undefined ? Number.NaN : control.charCodeAt(0) - 64
  if (!(code >= 0 && code < 32)) throw badRequest(`Unknown character: '${text}' within detach keys`)
  return code
}
