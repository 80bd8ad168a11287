/** What stands in the place of a secret. */
const mask = Buffer.from('***')
/** Shorter ones would be found by chance. */
const shortest = 4

/**
 * Takes secrets out of what a step prints, also where one is cut in two by the pipe: what may be the beginning of one is held back until
 * more comes. A line break at the end of a secret does not count.
 */
export class SecretMask {
  readonly #secrets: readonly Buffer[]
  #held: Buffer = Buffer.alloc(0)

  constructor(secrets: readonly Uint8Array[]) {
    const texts = secrets.map((secret) => Buffer.from(secret).toString('latin1').trim())
    const distinct = new Set(texts.filter((text) => text.length >= shortest))
    // The longest first: one may be the beginning of another.
    this.#secrets = [...distinct].toSorted((a, b) => b.length - a.length).map((text) => Buffer.from(text, 'latin1'))
  }

  /** The next bytes that may be shown. */
  push(data: Uint8Array): Uint8Array {
    if (this.#secrets.length === 0) return data
    const bytes = this.#held.length === 0 ? Buffer.from(data) : Buffer.concat([this.#held, data])
    const parts: Buffer[] = []
    let from = 0
    for (let at = 0; at < bytes.length;) {
      const found = this.#secrets.find((secret) => bytes.subarray(at, at + secret.length).equals(secret))
      if (found !== undefined) {
        parts.push(bytes.subarray(from, at), mask)
        at += found.length
        from = at
      } else if (this.#mayBegin(bytes.subarray(at))) {
        parts.push(bytes.subarray(from, at))
        this.#held = bytes.subarray(at)
        return Buffer.concat(parts)
      } else at = this.#next(bytes, at + 1)
    }
    parts.push(bytes.subarray(from))
    this.#held = Buffer.alloc(0)
    return Buffer.concat(parts)
  }

  /** What was held back, at the end of the output. */
  end(): Uint8Array {
    const held = this.#held
    this.#held = Buffer.alloc(0)
    return held
  }

  #mayBegin(rest: Buffer): boolean {
    return this.#secrets.some((secret) => rest.length < secret.length && secret.subarray(0, rest.length).equals(rest))
  }

  /** The next place where a secret may begin. */
  #next(bytes: Buffer, from: number): number {
    const places = this.#secrets.map((secret) => bytes.indexOf(secret[0]!, from)).filter((place) => place !== -1)
    return places.length === 0 ? bytes.length : Math.min(...places)
  }
}
