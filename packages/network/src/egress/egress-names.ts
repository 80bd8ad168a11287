import { lookup } from 'node:dns/promises'
import { isIPv4 } from 'node:net'

/** Where a connection goes. */
export interface EgressTarget {
  readonly host: string
  /** What to connect to; missing for an address that was given to no name. */
  readonly target: string | undefined
}

// 198.18.0.0/15; the first addresses are the network's own.
const first = 2
const most = 2 ** 17 - 2

/** The addresses that names are found at in a captive network: each name has one of its own, in the order they are asked for. */
export class EgressNames {
  readonly #addresses = new Map<string, string>()
  readonly #names = new Map<string, string>()
  readonly #known: Readonly<Record<string, string>>

  constructor(known: Readonly<Record<string, string>>) {
    this.#known = known
  }

  /** The address of a name that there is outside; undefined when there is none. @throws Error when asking failed */
  async find(name: string): Promise<string | undefined> {
    try {
      await lookup(name)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'ENOTFOUND' || code === 'ENODATA') return undefined
      throw error
    }
    return this.#give(name)
  }

  /** What an address stands for. */
  of(address: string): EgressTarget {
    const name = this.#names.get(address)
    if (name !== undefined) return { host: name, target: name }
    const isOurs = isIPv4(address) && /^198\.1[89]\./.test(address)
    return { host: this.#known[address] ?? address, target: isOurs ? undefined : address }
  }

  #give(name: string): string {
    const known = this.#addresses.get(name)
    if (known !== undefined) return known
    const number = first + this.#addresses.size
    if (number > most) throw new Error('a step asks for too many names')
    const address = [198, 18 + (number >> 16), (number >> 8) & 0xff, number & 0xff].join('.')
    this.#addresses.set(name, address)
    this.#names.set(address, name)
    return address
  }
}
