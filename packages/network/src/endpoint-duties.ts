import type { Change, Ledger } from '@gantry/linux'
import { portChanges, routeChange } from './endpoint-changes.ts'
import type { MadeNetworks } from './made-networks.ts'
import type { EndpointRow, NetworkRows } from './network-rows.ts'
import type { PublishedPort } from './networks.ts'
import { wayOut } from './way-out.ts'

/** What one of a container's networks does for all of them: lead out, and bring in what comes to published ports. */
export class EndpointDuties {
  readonly #ledger: Ledger
  readonly #rows: NetworkRows
  readonly #made: MadeNetworks
  readonly #table: string

  constructor(parts: {
    readonly ledger: Ledger
    readonly rows: NetworkRows
    readonly made: MadeNetworks
    readonly table: string
  }) {
    this.#ledger = parts.ledger
    this.#rows = parts.rows
    this.#made = parts.made
    this.#table = parts.table
  }

  /** The default routes that an endpoint is to have among those of its namespace. */
  routesOf(endpoint: EndpointRow, among: readonly EndpointRow[]): readonly Change[] {
    const network = this.#rows.network(endpoint.network)
    if (network === undefined) return []
    return [false, true].flatMap((six) =>
      this.#leading(among, six)?.id === endpoint.id ? [routeChange(network, endpoint, six)] : [],
    )
  }

  /** The endpoint that published ports lead to. */
  publishing(among: readonly EndpointRow[]): EndpointRow | undefined {
    return wayOut(among, { network: (name) => this.#rows.network(name), published: true })
  }

  /**
   * Makes the default routes of a namespace what they are to be after one of its networks came or went: those that lead elsewhere are
   * taken back first. Idempotent.
   */
  async settleRoutes(netns: string): Promise<void> {
    const among = this.#rows.endpoints({ netns })
    const [first] = among
    if (first === undefined) return
    const wanted = among.flatMap((endpoint) =>
      this.routesOf(endpoint, among).map((change) => ({ endpoint, change, text: JSON.stringify(change.args) })),
    )
    const present = this.#ledger
      .history(first.owner)
      .filter(({ kind, state, args }) => kind === 'route' && state === 'done' && args['netns'] === netns)
    const texts = new Map(present.map(({ args, sequence }) => [sequence, JSON.stringify(args)]))
    const wrong = present.filter(({ sequence }) => !wanted.some(({ text }) => text === texts.get(sequence)))
    await this.#ledger.undoEntries(
      first.owner,
      wrong.map(({ sequence }) => sequence),
    )
    const known = new Set(texts.values())
    for (const { endpoint, change, text } of wanted) if (!known.has(text)) await this.#add(endpoint, [change])
  }

  /** Leads published ports of endpoints to them, where that is missing. Idempotent. */
  async settlePorts(netns: string): Promise<void> {
    const among = this.#rows.endpoints({ netns })
    const [first] = among
    if (first === undefined || among.every(({ ports }) => ports.length === 0)) return
    const present = new Set(
      this.#ledger
        .history(first.owner)
        .filter(({ kind, state }) => kind === 'nft-element' && state === 'done')
        .map(({ args }) => JSON.stringify(args)),
    )
    for (const endpoint of among) {
      const missing = portChanges(this.#table, endpoint).filter(({ args }) => !present.has(JSON.stringify(args)))
      await this.#add(endpoint, missing)
    }
  }

  /** Gives published ports, which the monitor holds, to another network of their container. Only in the database: `settlePorts` follows. */
  inherit(netns: string, ports: readonly PublishedPort[]): void {
    if (ports.length === 0) return
    const heir = this.publishing(this.#rows.endpoints({ netns }))
    if (heir !== undefined) this.#rows.setPorts(heir.id, [...heir.ports, ...ports])
  }

  async #add(endpoint: EndpointRow, changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return
    const applied = await this.#made.orRebuilt(() => this.#ledger.apply(endpoint.owner, changes))
    const before = this.#rows.endpoints({ netns: endpoint.netns }).find(({ id }) => id === endpoint.id)
    this.#rows.setSequences(endpoint.id, [
      ...(before ?? endpoint).sequences,
      ...applied.map(({ sequence }) => sequence),
    ])
  }

  #leading(among: readonly EndpointRow[], six: boolean): EndpointRow | undefined {
    return wayOut(among, { network: (name) => this.#rows.network(name), six })
  }
}
