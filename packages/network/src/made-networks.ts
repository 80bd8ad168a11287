import { existsSync, readFileSync } from 'node:fs'
import { sysctl, type Host, type Ledger } from '@gantry/linux'
import { baseOwner, type BaseTable } from './base-table.ts'
import { ownerStates } from './owner-states.ts'
import type { NameServer } from './name-server.ts'
import type { NetworkDefinitions } from './network-definitions.ts'
import { extendNetwork, hasBridge, isExtended, makeNetwork, networkOwner } from './network-links.ts'
import type { NetworkRow, NetworkRows } from './network-rows.ts'

const neighbours = 'net/ipv4/neigh/default/gc_thresh3'
const manyNeighbours = 16_384

/** Networks as they are in the kernel: made when they are first used, and again when somebody has taken them away. */
export class MadeNetworks {
  readonly #ledger: Ledger
  readonly #host: Host
  readonly #rows: NetworkRows
  readonly #definitions: NetworkDefinitions
  readonly #table: BaseTable
  readonly #names: NameServer
  readonly #making = new Map<string, Promise<void>>()

  constructor(parts: {
    readonly ledger: Ledger
    readonly host: Host
    readonly rows: NetworkRows
    readonly definitions: NetworkDefinitions
    readonly table: BaseTable
    readonly names: NameServer
  }) {
    this.#ledger = parts.ledger
    this.#host = parts.host
    this.#rows = parts.rows
    this.#definitions = parts.definitions
    this.#table = parts.table
    this.#names = parts.names
  }

  /** The network with its links and rules in the kernel. @throws NetworkError NETWORK_UNKNOWN */
  async ready(name: string): Promise<NetworkRow> {
    const network = this.#definitions.need(name)
    if (network.driver !== 'bridge') return network
    await this.#table.ensure()
    if (hasBridge(network) && ownerStates(this.#ledger, networkOwner(network.name)).includes('settled')) return network
    await this.#once(network.name, () => this.#make(network))
    return this.#definitions.need(network.name)
  }

  /** Makes the bridge of a number, if it is not there; the first is there with the network. */
  async extended(network: NetworkRow, number: number): Promise<void> {
    if (number === 0 || isExtended(network, number, this.#ledger)) return
    await this.#once(`${network.name}/${String(number)}`, async () => {
      await this.#roomForNeighbours()
      await this.orRebuilt(() => extendNetwork(network, number, this.#parts()))
    })
  }

  /** Does the work, and once more after making the table anew if somebody has flushed it. */
  orRebuilt<T>(work: () => Promise<T>): Promise<T> {
    return this.#table.orRebuilt(work)
  }

  async #make(defined: NetworkRow): Promise<void> {
    const network = this.#definitions.refit(defined)
    await this.orRebuilt(() => makeNetwork(network, this.#parts()))
    // The name server must listen on the address that was just made; one that lost it does not try again by itself.
    const endpoints = this.#rows.transaction(() => {
      const rows = this.#rows.endpoints({ network: network.name })
      this.#names.write(network, rows)
      return rows
    })
    await this.#names.reload({ fresh: endpoints.length > 0 })
  }

  // The host remembers the hardware address of each container that it speaks with: by default of a thousand.
  async #roomForNeighbours(): Promise<void> {
    const path = `/proc/sys/${neighbours}`
    if (!existsSync(path) || Number(readFileSync(path, 'utf8')) >= manyNeighbours) return
    const why = 'the host speaks with more containers than it remembers addresses of'
    await this.#ledger.apply(baseOwner, [sysctl({ key: neighbours, value: String(manyNeighbours) }, why)])
    this.#ledger.settle(baseOwner)
  }

  #parts(): { ledger: Ledger; host: Host; table: string } {
    return { ledger: this.#ledger, host: this.#host, table: this.#table.name }
  }

  #once(key: string, work: () => Promise<void>): Promise<void> {
    let making = this.#making.get(key)
    if (making === undefined) {
      making = work().finally(() => this.#making.delete(key))
      this.#making.set(key, making)
    }
    return making
  }
}
