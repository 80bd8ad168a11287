import type { Owner } from '@gantry/linux'
import type { State } from '@gantry/state'
import { formatAddress, parseAddress, parseSubnet } from './ipv4.ts'
import { parseSubnet6 } from './ipv6.ts'
import type { EndpointRecord, Network, NetworkDriver, PublishedPort } from './networks.ts'

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
    this.#insert('network_networks', {
      name: row.name,
      id: row.id,
      driver: row.driver,
      subnet: row.subnet,
      gateway: row.gateway,
      ip_range: row.range ?? null,
      subnet6: row.subnet6 ?? null,
      gateway6: row.gateway6 ?? null,
      bridge: row.bridge,
      internal: row.internal ? 1 : 0,
      automatic: row.automatic ? 1 : 0,
      labels: JSON.stringify(row.labels),
      options: JSON.stringify(row.options),
      created: row.created,
    })
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

  /** In the order in which they were made; of a network, an owner or a namespace. */
  endpoints(
    filter: { readonly network?: string; readonly owner?: Owner; readonly netns?: string } = {},
  ): EndpointRow[] {
    // Only the conditions that are there: one that may be absent keeps SQLite from its indexes.
    const wanted = Object.entries(filter).flatMap(([column, value]) => (value === undefined ? [] : [{ column, value }]))
    const where = wanted.map(({ column }) => `e.${column} = ?`).join(' and ')
    const rows = this.#state
      .prepare(
        `select e.*, n.id as network_id, n.subnet, n.gateway, n.subnet6, n.gateway6
         from network_endpoints e join network_networks n on n.name = e.network
         ${where === '' ? '' : `where ${where}`} order by e.rowid`,
      )
      .all(...wanted.map(({ value }) => value))
    return rows.map(toEndpoint)
  }

  /** How many endpoints each bridge of a network has. */
  portsOf(network: string): ReadonlyMap<string, number> {
    const rows = this.#state
      .prepare('select bridge, count(*) as ports from network_endpoints where network = ? group by bridge')
      .all(network)
    return new Map(rows.map((row) => [String(row['bridge']), Number(row['ports'])]))
  }

  /** Whether nobody on the network has an address. */
  isFree(network: string, address: { readonly four: number } | { readonly six: string }): boolean {
    const found =
      'four' in address
        ? this.#state
            .prepare('select 1 from network_endpoints where network = ? and address = ?')
            .get(network, address.four)
        : this.#state
            .prepare('select 1 from network_endpoints where network = ? and address6 = ?')
            .get(network, address.six)
    return found === undefined
  }

  /** The IPv4 address of a network that was given out last, 0 when none was. */
  lastAddress(network: string): number {
    const row = this.#state.prepare('select last_address from network_networks where name = ?').get(network)
    return Number(row?.['last_address'] ?? 0)
  }

  setLastAddress(network: string, address: number): void {
    this.#state.prepare('update network_networks set last_address = ? where name = ?').run(address, network)
  }

  addEndpoint(row: EndpointRow): void {
    this.#insert('network_endpoints', {
      id: row.id,
      network: row.network,
      owner: row.owner,
      container_id: row.containerId,
      container_name: row.containerName,
      names: JSON.stringify(row.names),
      address: parseAddress(row.ip) ?? 0,
      address6: row.ip6 ?? null,
      mac: row.mac,
      netns: row.netns,
      link: row.link,
      host_link: row.hostLink,
      bridge: row.bridge,
      gateway_priority: row.gatewayPriority,
      ports: JSON.stringify(row.ports),
      sequences: JSON.stringify(row.sequences),
      holder_pid: row.holder.pid,
      holder_start: row.holder.startTime,
    })
  }

  setPorts(id: string, ports: readonly PublishedPort[]): void {
    this.#state.prepare('update network_endpoints set ports = ? where id = ?').run(JSON.stringify(ports), id)
  }

  setNames(id: string, containerName: string, names: readonly string[]): void {
    this.#state
      .prepare('update network_endpoints set container_name = ?, names = ? where id = ?')
      .run(containerName, JSON.stringify(names), id)
  }

  setSequences(id: string, sequences: readonly number[]): void {
    this.#state.prepare('update network_endpoints set sequences = ? where id = ?').run(JSON.stringify(sequences), id)
  }

  removeEndpoint(id: string): void {
    this.#state.prepare('delete from network_endpoints where id = ?').run(id)
  }

  #insert(table: string, values: Readonly<Record<string, string | number | null>>): void {
    const names = Object.keys(values)
    this.#state
      .prepare(`insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`)
      .run(...Object.values(values))
  }
}

function toNetwork(row: Row): NetworkRow {
  return {
    id: String(row['id']),
    name: String(row['name']),
    driver: String(row['driver']) as NetworkDriver,
    subnet: String(row['subnet']),
    gateway: String(row['gateway']),
    range: textOrNothing(row['ip_range']),
    subnet6: textOrNothing(row['subnet6']),
    gateway6: textOrNothing(row['gateway6']),
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
    ip6: textOrNothing(row['address6']),
    prefixLength6: row['address6'] === null ? undefined : parseSubnet6(String(row['subnet6'])).prefix,
    mac: String(row['mac']),
    gateway: String(row['gateway']),
    gateway6: row['address6'] === null ? undefined : textOrNothing(row['gateway6']),
    gatewayPriority: Number(row['gateway_priority']),
    netns: String(row['netns']),
    link: String(row['link']),
    hostLink: String(row['host_link']),
    bridge: String(row['bridge']),
    ports: JSON.parse(String(row['ports'])) as PublishedPort[],
    sequences: JSON.parse(String(row['sequences'])) as number[],
    holder: { pid: Number(row['holder_pid']), startTime: String(row['holder_start']) },
  }
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
