import { tooMany } from '../access/too-many.ts'

/** Lets only so many uploads be under way at once. */
export class UploadSlots {
  readonly #total: number
  readonly #each: number
  readonly #taken = new Map<string, number>()
  #count = 0

  constructor({ total = Infinity, each = Infinity }: { readonly total?: number; readonly each?: number }) {
    this.#total = total
    this.#each = each
  }

  /**
   * Takes one for somebody; disposing of it gives it back.
   *
   * @throws {WireError} TOOMANYREQUESTS
   */
  take(requester: string): Disposable {
    const own = this.#taken.get(requester) ?? 0
    if (this.#count >= this.#total || own >= this.#each) throw tooMany('there are too many uploads under way', 1000)
    this.#count += 1
    this.#taken.set(requester, own + 1)
    return {
      [Symbol.dispose]: () => {
        this.#count -= 1
        const left = (this.#taken.get(requester) ?? 1) - 1
        if (left > 0) this.#taken.set(requester, left)
        else this.#taken.delete(requester)
      },
    }
  }
}
