import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import {
  address,
  isAlive,
  LedgerError,
  linkUp,
  netns as makeNetns,
  nftElement,
  processStartTime,
  route,
  veth,
  type Applied,
  type Change,
  type Host,
  type Ledger,
  type Owner,
  type Site,
} from '@gantry/linux'
import { ProcessError } from '@gantry/process'
import type { State } from '@gantry/state'
import { BaseTable } from './base-table.ts'
import { chooseSubnet, defaultPool, userPool } from './choose-subnet.ts'
import { resolvConf } from './container-files.ts'
import { portElement } from './firewall-rules.ts'
import { hostRoutes } from './host-routes.ts'
import { contains, formatAddress, formatSubnet, macOf, overlaps, parseAddress, parseSubnet, type Subnet } from './ipv4.ts'
import { AardvarkNameServer, noNameServer, type NameServer } from './name-server.ts'
import { NetworkError } from './network-error.ts'
import { hasBridge, makeNetwork, networkOwner } from './network-links.ts'
import { NetworkRows, type EndpointRow, type NetworkRow } from './network-rows.ts'
import type {
  ConnectRequest,
  Endpoint,
  EndpointRecord,
  Network,
  NetworkCheck,
  NetworkOptions,
  Networks,
  PublishedPort,
} from './networks.ts'
import { networkChecks } from './network-checks.ts'
import { reservePorts, type Reservation } from './reserve-ports.ts'

/** What networks are made of. The state must have {@link networkMigrations}. */
export interface NetworksParts {
  readonly site: Site
  readonly state: State
  readonly ledger: Ledger
  readonly host: Host
}

/** Name of the network that containers join when nothing else is said. */
export const defaultNetwork = 'bridge'

const reservedNames: readonly string[] = ['host', 'none', 'default', 'container']

/** The networks of a site. Touches neither disk nor kernel until it is used. */
export function createNetworks(parts: NetworksParts): Networks {
  return new BridgeNetworks(parts)
}

class BridgeNetworks implements Networks {
  readonly #site: Site
  readonly #host: Host
  readonly #ledger: Ledger
  readonly #rows: NetworkRows
  readonly #table: BaseTable
  readonly #names: NameServer
  readonly #making = new Map<string, Promise<NetworkRow>>()
  readonly #reservations = new Map<string, readonly Reservation[]>()

  constructor(parts: NetworksParts) {
    this.#site = parts.site
    this.#host = parts.host
    this.#ledger = parts.ledger
    this.#rows = new NetworkRows(parts.state)
    this.#table = new BaseTable({ instance: parts.site.instance, ledger: parts.ledger, rows: this.#rows })
    const program = parts.host.tools['aardvark-dns']
    this.#names =
      program === undefined ? noNameServer : new AardvarkNameServer({ program, run: parts.site.run, ledger: parts.ledger })
  }

  async create(name: string, options: NetworkOptions = {}): Promise<Network> {
    checkName(name)
    return this.#rows.transaction(() => {
      if (this.#rows.network(name) !== undefined) {
        throw new NetworkError('NETWORK_EXISTS', `Network "${name}" exists already`, { subject: name })
      }
      return this.#define(name, options)
    })
  }

  list(): readonly Network[] {
    this.#default()
    return this.#rows.networks().toSorted((left, right) => Number(right.name === defaultNetwork) - Number(left.name === defaultNetwork))
  }

  inspect(name: string): Network | undefined {
    if (name === defaultNetwork) return this.#default()
    const exact = this.#rows.network(name)
    if (exact !== undefined) return exact
    if (!/^[0-9a-f]{4,64}$/.test(name)) return undefined
    const found = this.#rows.networks().filter(({ id }) => id.startsWith(name))
    return found.length === 1 ? found[0] : undefined
  }

  async remove(name: string): Promise<void> {
    const network = this.#need(name)
    if (network.name === defaultNetwork) {
      throw new NetworkError('NETWORK_PREDEFINED', `Cannot remove network "${name}": it is always there`, { subject: name })
    }
    this.#rows.transaction(() => {
      const used = this.#rows.endpoints({ network: network.name })
      if (used.length > 0) {
        const who = used.map(({ containerName }) => containerName).join(', ')
        throw new NetworkError('NETWORK_IN_USE', `Cannot remove network "${network.name}": containers use it (${who})`, {
          subject: network.name,
          hint: 'stop and remove them, or disconnect them',
        })
      }
      this.#rows.removeNetwork(network.name)
      this.#names.forget(network.name)
    })
    await this.#names.reload()
    await this.#ledger.undo(networkOwner(network.name))
  }

  endpoints(filter: { readonly network?: string; readonly owner?: Owner } = {}): readonly EndpointRecord[] {
    return this.#rows.endpoints(filter)
  }

  async connect(request: ConnectRequest): Promise<Endpoint> {
    request.signal?.throwIfAborted()
    this.#needTools()
    const network = await this.#ready(request.network ?? defaultNetwork)
    const endpoint = this.#take(network, request)
    let reservations: readonly Reservation[] = []
    try {
      reservations = reservePorts(request.ports ?? [], (port) => this.#publisherOf(port))
      const ports = reservations.map(({ socket: _, ...port }) => port)
      this.#rows.setPorts(endpoint.id, ports)
      const applied = await this.#apply(request, network, { ...endpoint, ports })
      this.#rows.transaction(() => {
        this.#rows.setSequences(endpoint.id, applied.map(({ sequence }) => sequence))
        this.#names.write(network, this.#rows.endpoints({ network: network.name }))
      })
      await this.#names.reload()
      this.#reservations.set(endpoint.id, reservations)
      return this.#endpoint(network, { ...endpoint, ports }, reservations)
    } catch (error) {
      for (const { socket } of reservations) socket[Symbol.dispose]()
      this.#rows.removeEndpoint(endpoint.id)
      throw error
    }
  }

  async disconnect(request: { readonly owner: Owner; readonly network?: string }): Promise<void> {
    const rows = this.#rows.endpoints(request)
    if (rows.length === 0) return
    if (request.network !== undefined) {
      for (const row of rows) await this.#ledger.undoEntries(row.owner, row.sequences)
    }
    await this.#forget(rows)
  }

  async recover(): Promise<void> {
    const owners = new Set(this.#ledger.owners().map(({ owner }) => owner))
    const lost = this.#rows.endpoints().filter((row) => !owners.has(row.owner) && !isAlive(row.holder))
    if (lost.length > 0) await this.#forget(lost)
    // A network whose containers run without its bridge: somebody deleted it. The links of those containers are gone, new ones need it.
    const used = new Set(this.#rows.endpoints().map(({ network }) => network))
    for (const name of used) await this.#ready(name)
    if (used.size > 0) await this.#names.reload()
  }

  checks(): readonly NetworkCheck[] {
    return networkChecks(this.#host, this.#names.isThere)
  }

  /** Gives back the addresses, names and ports of endpoints. */
  async #forget(rows: readonly EndpointRow[]): Promise<void> {
    this.#rows.transaction(() => {
      for (const { id } of rows) this.#rows.removeEndpoint(id)
      for (const name of new Set(rows.map(({ network }) => network))) {
        const network = this.#rows.network(name)
        if (network !== undefined && hasBridge(network)) this.#names.write(network, this.#rows.endpoints({ network: name }))
      }
    })
    for (const { id } of rows) {
      for (const { socket } of this.#reservations.get(id) ?? []) socket[Symbol.dispose]()
      this.#reservations.delete(id)
    }
    await this.#names.reload()
  }

  #default(): NetworkRow {
    const known = this.#rows.network(defaultNetwork)
    if (known !== undefined) return known
    return this.#rows.transaction(() => this.#rows.network(defaultNetwork) ?? this.#define(defaultNetwork, {}))
  }

  #need(name: string): NetworkRow {
    const network = this.inspect(name)
    if (network === undefined) {
      throw new NetworkError('NETWORK_UNKNOWN', `There is no network "${name}"`, {
        subject: name,
        hint: `make it with "gantry network create ${name}"`,
      })
    }
    return network as NetworkRow
  }

  /** Inside a transaction. */
  #define(name: string, options: NetworkOptions): NetworkRow {
    const taken = this.#taken()
    const automatic = options.subnet === undefined
    const subnet = automatic
      ? chooseSubnet(name === defaultNetwork ? defaultPool : userPool, taken)
      : parseSubnet(options.subnet)
    if (!automatic && taken.some((other) => overlaps(subnet, other))) throw subnetTaken(formatSubnet(subnet))
    const id = randomBytes(32).toString('hex')
    const row: NetworkRow = {
      id,
      name,
      driver: 'bridge',
      subnet: formatSubnet(subnet),
      gateway: gatewayOf(subnet, options.gateway),
      bridge: name === defaultNetwork ? defaultBridge(this.#site.instance) : `gtry${id.slice(0, 10)}`,
      internal: options.internal ?? false,
      automatic,
      labels: options.labels ?? {},
      options: options.options ?? {},
      created: Date.now(),
    }
    this.#rows.addNetwork(row)
    return row
  }

  #taken(except?: string): Subnet[] {
    const own = this.#rows.networks().filter(({ name }) => name !== except)
    const bridges = new Set(this.#rows.networks().map(({ bridge }) => bridge))
    return [...own.map(({ subnet }) => parseSubnet(subnet)), ...hostRoutes().filter(({ link }) => !bridges.has(link))]
  }

  /** The network with its links and rules in the kernel. */
  async #ready(name: string): Promise<NetworkRow> {
    const network = this.#need(name)
    await this.#table.ensure()
    if (hasBridge(network) && this.#isSettled(network)) return network
    let making = this.#making.get(network.name)
    if (making === undefined) {
      making = this.#make(network).finally(() => this.#making.delete(network.name))
      this.#making.set(network.name, making)
    }
    return making
  }

  #isSettled(network: NetworkRow): boolean {
    return this.#ledger.owners(networkOwner(network.name)).some(({ state }) => state === 'settled')
  }

  async #make(defined: NetworkRow): Promise<NetworkRow> {
    const network = this.#rows.transaction(() => this.#refit(defined))
    await this.#orRebuilt(() => makeNetwork(network, { ledger: this.#ledger, host: this.#host, table: this.#table.name }))
    // The name server must listen on the address that was just made.
    this.#rows.transaction(() => {
      this.#names.write(network, this.#rows.endpoints({ network: network.name }))
    })
    await this.#names.reload({ fresh: this.#rows.endpoints({ network: network.name }).length > 0 })
    return network
  }

  /** Chooses another subnet for one that a route of the host has taken since, if it was our choice and nobody has an address of it. */
  #refit(network: NetworkRow): NetworkRow {
    const subnet = parseSubnet(network.subnet)
    const taken = this.#taken(network.name)
    if (!taken.some((other) => overlaps(subnet, other))) return network
    if (!network.automatic || this.#rows.endpoints({ network: network.name }).length > 0) throw subnetTaken(network.subnet)
    const chosen = chooseSubnet(network.name === defaultNetwork ? defaultPool : userPool, taken)
    this.#rows.moveNetwork(network.name, formatSubnet(chosen), gatewayOf(chosen, undefined))
    return this.#need(network.name)
  }

  #take(network: NetworkRow, request: ConnectRequest): EndpointRow {
    const { container } = request
    return this.#rows.transaction(() => {
      const taken = this.#rows.takeAddress(network, request.ip)
      const id = randomBytes(32).toString('hex')
      const netns = request.netns ?? `${this.#site.instance}-${container.id.slice(0, 12)}`
      const used = this.#rows.endpoints().filter((other) => other.netns === netns).length
      const row: EndpointRow = {
        id,
        network: network.name,
        networkId: network.id,
        owner: request.owner,
        containerId: container.id,
        containerName: container.name,
        names: namesOf(container),
        ip: formatAddress(taken),
        prefixLength: parseSubnet(network.subnet).prefix,
        mac: request.mac ?? macOf(taken),
        gateway: network.gateway,
        netns,
        link: request.link ?? `eth${String(used)}`,
        hostLink: `gv${id.slice(0, 12)}`,
        ports: [],
        sequences: [],
        holder: { pid: process.pid, startTime: processStartTime(process.pid) ?? '' },
      }
      this.#rows.addEndpoint(row)
      return row
    })
  }

  async #apply(request: ConnectRequest, network: NetworkRow, endpoint: EndpointRecord): Promise<readonly Applied[]> {
    const changes = this.#changes(request, network, endpoint)
    const options = request.signal === undefined ? {} : { signal: request.signal }
    try {
      return await this.#orRebuilt(() => this.#ledger.apply(request.owner, changes, options))
    } catch (error) {
      throw new NetworkError('CHANGE_FAILED', `Cannot join container "${request.container.name}" to network "${network.name}": ${reasonOf(error)}`, {
        cause: error,
        subject: network.name,
      })
    }
  }

  #changes(request: ConnectRequest, network: NetworkRow, endpoint: EndpointRecord): Change[] {
    const { netns, link, ip, prefixLength } = endpoint
    const isFirst = request.netns === undefined
    return [
      ...(isFirst ? [makeNetns({ name: netns }, "the container's own links, addresses and ports")] : []),
      veth(
        { name: endpoint.hostLink, peer: link, netns, mac: endpoint.mac, bridge: network.bridge, hairpin: true },
        `joins the container to network ${network.name}`,
      ),
      address({ link, cidr: `${ip}/${String(prefixLength)}`, netns }, `its address on network ${network.name}`),
      linkUp({ link, netns }, 'packets pass'),
      ...(isFirst && !network.internal ? [route({ via: network.gateway, netns }, 'the way out')] : []),
      ...endpoint.ports.map((port) => {
        const { map, key, value } = portElement(ip, port)
        const from = port.hostIp === '0.0.0.0' ? 'this host' : port.hostIp
        return nftElement(
          { family: 'ip', table: this.#table.name, map, key, ...(value === undefined ? {} : { value }) },
          `port ${String(port.hostPort)} of ${from} leads to ${port.protocol} port ${String(port.containerPort)} of the container`,
        )
      }),
    ]
  }

  /** Does the work, and once more after making the table anew if somebody has flushed it. */
  async #orRebuilt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isTableMissing(error)) throw error
      await this.#table.rebuild()
      return work()
    }
  }

  #publisherOf(port: Omit<PublishedPort, 'containerPort'>): string | undefined {
    const holder = this.#rows.endpoints().find(({ ports }) =>
      ports.some(
        (other) =>
          other.hostPort === port.hostPort &&
          other.protocol === port.protocol &&
          (other.hostIp === port.hostIp || other.hostIp === '0.0.0.0' || port.hostIp === '0.0.0.0'),
      ),
    )
    return holder?.containerName
  }

  #endpoint(network: NetworkRow, row: EndpointRow, reservations: readonly Reservation[]): Endpoint {
    const { sequences: _, holder: __, ...record } = row
    return {
      ...record,
      endpointId: row.id,
      netnsPath: `/run/netns/${row.netns}`,
      bridge: network.bridge,
      ports: reservations.map(({ socket, ...port }) => ({ ...port, fd: socket.fd })),
      releasePorts: () => {
        for (const { socket } of reservations) socket[Symbol.dispose]()
        this.#reservations.delete(row.id)
      },
      resolvConf: resolvConf({
        host: readText('/etc/resolv.conf'),
        ...(this.#names.isThere ? { nameserver: network.gateway } : {}),
      }),
    }
  }

  #needTools(): void {
    for (const name of ['ip', 'nft'] as const) {
      if (this.#host.tools[name] !== undefined) continue
      throw new NetworkError('TOOL_MISSING', `Cannot connect containers: "${name}" is not installed`, {
        subject: name,
        hint: `install the package "${name === 'ip' ? 'iproute2' : 'nftables'}", or use --network none or host`,
      })
    }
  }
}

/** Lower-case names by which others find a container: its name, the beginning of its ID, its host name and aliases. */
function namesOf(container: ConnectRequest['container']): readonly string[] {
  const names = [container.name, container.id.slice(0, 12), container.hostname ?? '', ...(container.aliases ?? [])]
  // Anything else would break the name server's file, where spaces and commas separate.
  return [...new Set(names.map((name) => name.toLowerCase()).filter((name) => /^[a-z0-9_][a-z0-9_.-]*$/.test(name)))]
}

function checkName(name: string): void {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(name) && !reservedNames.includes(name) && name !== defaultNetwork) return
  throw new NetworkError('NAME_INVALID', `"${name}" cannot be the name of a network`, {
    subject: name,
    hint: 'use letters, digits, "_", "." and "-", beginning with a letter or digit; not host, none, bridge, default or container',
  })
}

function defaultBridge(instance: string): string {
  return instance === 'gantry' ? 'gantry0' : `gtry-${instance.slice(-6)}`
}

function gatewayOf(subnet: Subnet, wanted: string | undefined): string {
  if (wanted === undefined) return formatAddress(subnet.base + 1)
  const value = parseAddress(wanted)
  if (value !== undefined && contains(subnet, value) && value !== subnet.base) return wanted
  throw new NetworkError('ADDRESS_INVALID', `"${wanted}" cannot be the gateway of ${formatSubnet(subnet)}`, { subject: wanted })
}

function subnetTaken(subnet: string): NetworkError {
  return new NetworkError('SUBNET_TAKEN', `Cannot use subnet ${subnet}: it overlaps another network or a route of this host`, {
    subject: subnet,
    hint: 'see "ip route" and "gantry network ls"; give another one with --subnet',
  })
}

function isTableMissing(error: unknown): boolean {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if (each instanceof ProcessError && /nft/.test(each.command) && /No such file or directory/.test(each.stderr)) return true
  }
  return false
}

function reasonOf(error: unknown): string {
  if (error instanceof LedgerError && error.cause instanceof Error) return error.cause.message
  return error instanceof Error ? error.message : String(error)
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}
