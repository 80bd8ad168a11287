import type { Owner } from '@gantry/linux'
import type { State } from '@gantry/state'
import { contains, formatAddress, parseAddress, parseSubnet, sizeOf } from './ipv4.ts'
import { NetworkError } from './network-error.ts'
import type { EndpointRecord, Network, PublishedPort } from './networks.ts'

/** A network with what only this package knows of it. */
export interface NetworkRow extends Network {
  /** The subnet was chosen by us. */
  readonly automatic: boolean
}

/** An endpoint with what only this package knows of it. */
export interface EndpointRow extends EndpointRecord {
  /** Its changes in the ledger. */
  readonly sequences: readonly number[]
  readonly holder: { readonly pid: number; readonly startTime: string }
}

type Row = Record<string, unknown>

/** The tables of networks and endpoints: the truth about names, subnets and addresses. All methods are synchronous and atomic. */
export class NetworkRows {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  /** Runs several of these methods as one transaction. */
  transaction<T>(work: () => T): T {
    return this.#state.transaction(work)
  }

  networks(): NetworkRow[] {
    return this.#state.prepare('select * from network_networks order by created, name').all().map(toNetwork)
  }

  network(name: string): NetworkRow | undefined {
    const row = this.#state.prepare('select * from network_networks where name = ?').get(name)
    return row === undefined ? undefined : toNetwork(row)
  }

  addNetwork(row: NetworkRow): void {
    this.#state
      .prepare('insert into network_networks values (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)')
      .run(
        row.name,
        row.id,
        row.subnet,
        row.gateway,
        row.bridge,
        row.internal ? 1 : 0,
        row.automatic ? 1 : 0,
        JSON.stringify(row.labels),
        JSON.stringify(row.options),
        row.created,
      )
  }

  /** Gives a network another subnet. */
  moveNetwork(name: string, subnet: string, gateway: string): void {
    this.#state
      .prepare('update network_networks set subnet = ?, gateway = ?, last_address = 0 where name = ?')
      .run(subnet, gateway, name)
  }

  removeNetwork(name: string): void {
    this.#state.prepare('delete from network_networks where name = ?').run(name)
  }

  endpoints(filter: { readonly network?: string; readonly owner?: Owner } = {}): EndpointRow[] {
    const rows = this.#state
      .prepare(
        `select e.*, n.id as network_id, n.subnet, n.gateway from network_endpoints e join network_networks n on n.name = e.network
         where (?1 is null or e.network = ?1) and (?2 is null or e.owner = ?2) order by e.rowid`,
      )
      .all(filter.network ?? null, filter.owner ?? null)
    return rows.map(toEndpoint)
  }

  /**
   * Takes an address: the one asked for, or the next free one after the last that was given out.
   * @throws NetworkError ADDRESS_TAKEN, ADDRESS_INVALID, SUBNET_EXHAUSTED
   */
  takeAddress(network: NetworkRow, wanted: string | undefined): number {
    const subnet = parseSubnet(network.subnet)
    const gateway = parseAddress(network.gateway) ?? 0
    const size = sizeOf(subnet)
    const isFree = (address: number): boolean =>
      address !== gateway &&
      this.#state
        .prepare('select 1 from network_endpoints where network = ? and address = ?')
        .get(network.name, address) === undefined
    if (wanted !== undefined) return this.#takeWanted(network, wanted, isFree)
    const row = this.#state.prepare('select last_address from network_networks where name = ?').get(network.name)
    const last = Math.max(Number(row?.['last_address'] ?? 0) - subnet.base, 0)
    // The first address is the network's, the last the broadcast's.
    for (let step = 1; step < size; step++) {
      const offset = ((last + step - 1) % (size - 2)) + 1
      const address = subnet.base + offset
      if (!isFree(address)) continue
      this.#state.prepare('update network_networks set last_address = ? where name = ?').run(address, network.name)
      return address
    }
    throw new NetworkError('SUBNET_EXHAUSTED', `Network "${network.name}" has no free address in ${network.subnet}`, {
      subject: network.name,
      hint: 'remove containers, or create a network with a larger subnet',
    })
  }

  addEndpoint(row: EndpointRow): void {
    this.#state
      .prepare('insert into network_endpoints values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        row.id,
        row.network,
        row.owner,
        row.containerId,
        row.containerName,
        JSON.stringify(row.names),
        parseAddress(row.ip) ?? 0,
        row.mac,
        row.netns,
        row.link,
        row.hostLink,
        JSON.stringify(row.ports),
        JSON.stringify(row.sequences),
        row.holder.pid,
        row.holder.startTime,
      )
  }

  setPorts(id: string, ports: readonly PublishedPort[]): void {
    this.#state.prepare('update network_endpoints set ports = ? where id = ?').run(JSON.stringify(ports), id)
  }

  setSequences(id: string, sequences: readonly number[]): void {
    this.#state.prepare('update network_endpoints set sequences = ? where id = ?').run(JSON.stringify(sequences), id)
  }

  removeEndpoint(id: string): void {
    this.#state.prepare('delete from network_endpoints where id = ?').run(id)
  }

  #takeWanted(network: NetworkRow, wanted: string, isFree: (address: number) => boolean): number {
    const address = parseAddress(wanted)
    if (address === undefined || !contains(parseSubnet(network.subnet), address)) {
      throw new NetworkError(
        'ADDRESS_INVALID',
        `"${wanted}" is not an address of network "${network.name}" (${network.subnet})`,
        {
          subject: wanted,
        },
      )
    }
    if (isFree(address)) return address
    throw new NetworkError('ADDRESS_TAKEN', `Address ${wanted} of network "${network.name}" is in use`, {
      subject: wanted,
      hint: 'give another address, or none',
    })
  }
}

function toNetwork(row: Row): NetworkRow {
  return {
    id: String(row['id']),
    name: String(row['name']),
    driver: 'bridge',
    subnet: String(row['subnet']),
    gateway: String(row['gateway']),
    bridge: String(row['bridge']),
    internal: row['internal'] === 1,
    automatic: row['automatic'] === 1,
    labels: JSON.parse(String(row['labels'])) as Record<string, string>,
    options: JSON.parse(String(row['options'])) as Record<string, string>,
    created: Number(row['created']),
  }
}

function toEndpoint(row: Row): EndpointRow {
  return {
    id: String(row['id']),
    network: String(row['network']),
    networkId: String(row['network_id']),
    owner: String(row['owner']),
    containerId: String(row['container_id']),
    containerName: String(row['container_name']),
    names: JSON.parse(String(row['names'])) as string[],
    ip: formatAddress(Number(row['address'])),
    prefixLength: parseSubnet(String(row['subnet'])).prefix,
    mac: String(row['mac']),
    gateway: String(row['gateway']),
    netns: String(row['netns']),
    link: String(row['link']),
    hostLink: String(row['host_link']),
    ports: JSON.parse(String(row['ports'])) as PublishedPort[],
    sequences: JSON.parse(String(row['sequences'])) as number[],
    holder: { pid: Number(row['holder_pid']), startTime: String(row['holder_start']) },
  }
}
