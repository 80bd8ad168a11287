import { randomBytes } from 'node:crypto'
import {
  isAlive,
  LedgerError,
  netns as makeNetns,
  processStartTime,
  type Applied,
  type Change,
  type Host,
  type Ledger,
  type Owner,
  type Site,
} from '@gantry/linux'
import type { State } from '@gantry/state'
import { BaseTable } from './base-table.ts'
import { changesOf } from './changes-of.ts'
import { freeLink, namesOf } from './container-names.ts'
import { hostResolvConf, resolvConf } from './container-files.ts'
import { hostBindingOf } from './driver-options.ts'
import { linkChanges, portChanges } from './endpoint-changes.ts'
import { EndpointDuties } from './endpoint-duties.ts'
import { firewallReport, type FirewallReport } from './firewall/firewall-report.ts'
import { forwardsOf } from './forwarder/forwards-of.ts'
import { PortForwarder } from './forwarder/port-forwarder.ts'
import { macOf, parseAddress, parseSubnet } from './ipv4.ts'
import { parseSubnet6 } from './ipv6.ts'
import { MadeNetworks } from './made-networks.ts'
import { AardvarkNameServer, noNameServer, type NameServer } from './name-server.ts'
import { networkChecks } from './network-checks.ts'
import { defaultNetwork, NetworkDefinitions } from './network-definitions.ts'
import { NetworkError } from './network-error.ts'
import { bridgeName, networkOwner } from './network-links.ts'
import { NetworkRows, type EndpointRow, type NetworkRow } from './network-rows.ts'
import type {
  ConnectRequest,
  Endpoint,
  EndpointRecord,
  Network,
  NetworkCheck,
  NetworkOptions,
  Networks,
  PortMapping,
} from './networks.ts'
import { portTaken, reservePorts, type PublisherOf, type Reservation } from './reserve-ports.ts'
import { checkWanted, takeAddresses } from './take-address.ts'

/** Networks over Linux bridges, one nftables table and aardvark-dns. */
export class BridgeNetworks implements Networks {
  readonly #site: Site
  readonly #host: Host
  readonly #ledger: Ledger
  readonly #rows: NetworkRows
  readonly #definitions: NetworkDefinitions
  readonly #table: BaseTable
  readonly #names: NameServer
  readonly #made: MadeNetworks
  readonly #duties: EndpointDuties
  readonly #forwarder: PortForwarder
  readonly #bridgePorts: number
  readonly #reservations = new Map<string, readonly Reservation[]>()

  constructor(parts: {
    readonly site: Site
    readonly state: State
    readonly ledger: Ledger
    readonly host: Host
    readonly bridgePorts?: number
  }) {
    const { site, ledger, host } = parts
    this.#site = site
    this.#host = host
    this.#ledger = ledger
    const rows = new NetworkRows(parts.state)
    this.#rows = rows
    this.#bridgePorts = parts.bridgePorts ?? mostBridgePorts
    this.#definitions = new NetworkDefinitions(rows, site.instance)
    this.#table = new BaseTable({ instance: site.instance, ledger, rows })
    const program = host.tools['aardvark-dns']
    this.#names = program === undefined ? noNameServer : new AardvarkNameServer({ program, run: site.run, ledger })
    const { name: table } = this.#table
    this.#made = new MadeNetworks({
      ledger,
      host,
      rows,
      definitions: this.#definitions,
      table: this.#table,
      names: this.#names,
    })
    this.#duties = new EndpointDuties({ ledger, rows, made: this.#made, table })
    this.#forwarder = new PortForwarder({ run: site.run, ledger, wanted: () => forwardsOf(rows.endpoints()) })
  }

  async create(name: string, options: NetworkOptions = {}): Promise<Network> {
    return this.#definitions.create(name, options)
  }

  list(): readonly Network[] {
    return this.#definitions.list()
  }

  inspect(name: string): Network | undefined {
    return this.#definitions.find(name)
  }

  check({ network: name = defaultNetwork, ...wanted }: Pick<ConnectRequest, 'network' | 'ip' | 'ip6'>): Network {
    const network = this.#definitions.need(name)
    checkWanted(network, wanted)
    return network
  }

  async remove(name: string): Promise<void> {
    const network = this.#definitions.need(name)
    if (network.name === defaultNetwork) {
      throw new NetworkError('NETWORK_PREDEFINED', `Cannot remove network "${name}": it is always there`, {
        subject: name,
      })
    }
    this.#rows.transaction(() => {
      this.#mustBeUnused(network)
      this.#rows.removeNetwork(network.name)
      this.#names.forget(network.name)
    })
    await this.#names.reload()
    await this.#ledger.undo(networkOwner(network.name))
  }

  endpoints(filter: { readonly network?: string; readonly owner?: Owner } = {}): readonly EndpointRecord[] {
    return this.#rows.endpoints(filter)
  }

  nameServers(owner: Owner): readonly string[] {
    if (!this.#names.isThere) return []
    const first = this.#rows
      .endpoints({ owner })
      .find(({ network }) => this.#rows.network(network)?.driver === 'bridge')
    return first === undefined ? [] : [first.gateway]
  }

  async rename(owner: Owner, name: string): Promise<void> {
    const rows = this.#rows.endpoints({ owner })
    this.#rows.transaction(() => {
      for (const { id, containerName, names, network: its } of rows) {
        const others = names.filter((each) => each !== containerName.toLowerCase())
        this.#rows.setNames(id, name, [name.toLowerCase(), ...others])
        const network = this.#rows.network(its)
        if (network !== undefined) this.#writeNames(network)
      }
    })
    if (rows.length > 0) await this.#names.reload()
  }

  async isolate({ owner, container, users }: Parameters<Networks['isolate']>[0]): Promise<string> {
    this.#needTools()
    const name = this.#netnsOf(container)
    await this.#ledger.apply(owner, [makeNetns({ name, ...(users === undefined ? {} : { users }) }, ownNamespace)])
    return name
  }

  async connect(request: ConnectRequest): Promise<Endpoint> {
    request.signal?.throwIfAborted()
    this.#needTools()
    const network = await this.#made.ready(request.network ?? defaultNetwork)
    if ((request.ports ?? []).length > 0) mustPublish(network)
    const { row: taken, bridge } = this.#take(network, request)
    let reservations: readonly Reservation[] = []
    let applied: readonly Applied[] = []
    try {
      await this.#made.extended(network, bridge)
      reservations = reservePorts(boundBy(network, request.ports ?? []), {
        publisherOf: this.#publisherOf,
        mode: request.publishMode ?? 'nat',
        six: taken.ip6 !== undefined,
      })
      const endpoint = { ...taken, ports: reservations.map(({ port }) => port) }
      if (endpoint.ports.length > 0) this.#rows.setPorts(endpoint.id, endpoint.ports)
      applied = await this.#apply(request, network, endpoint)
      // The namespace stays when this network goes.
      const own = applied.filter(({ kind }) => kind !== 'netns').map(({ sequence }) => sequence)
      this.#rows.transaction(() => {
        this.#rows.setSequences(endpoint.id, own)
        if (network.driver === 'bridge' && !this.#names.add(network.name, endpoint)) this.#writeNames(network)
      })
      await Promise.all([this.#names.reload(), this.#forward(endpoint, reservations)])
      const whole = request.netns === undefined ? endpoint : await this.#joinOthers(request, endpoint)
      this.#reservations.set(endpoint.id, reservations)
      return this.#endpoint(network, whole, reservations)
    } catch (error) {
      for (const { socket } of reservations) socket?.[Symbol.dispose]()
      throw await this.#giveUp(taken, applied, error)
    }
  }

  async disconnect(request: { readonly owner: Owner; readonly network?: string }): Promise<void> {
    const rows = this.#rows.endpoints(request)
    if (request.network === undefined) return this.#forget(rows)
    for (const row of rows) await this.#ledger.undoEntries(row.owner, changesOf(row, this.#ledger.history(row.owner)))
    await this.#forget(rows, { inherit: true })
    await this.settle(request.owner)
  }

  async settle(owner: Owner): Promise<void> {
    for (const netns of new Set(this.#rows.endpoints({ owner }).map((each) => each.netns))) await this.#settle(netns)
  }

  async recover(): Promise<void> {
    const owners = new Set(this.#ledger.owners().map(({ owner }) => owner))
    const lost = this.#rows.endpoints().filter((row) => !owners.has(row.owner) && !isAlive(row.holder))
    if (lost.length > 0) await this.#forget(lost)
    // A network in use without its bridge: somebody deleted it. Those links are gone, the next ones need it.
    const endpoints = this.#rows.endpoints()
    const used = new Set(endpoints.map(({ network }) => network))
    for (const name of used) {
      const network = await this.#made.ready(name)
      // Who died between writing the names and the database left one without the other.
      this.#rows.transaction(() => this.#writeNames(network))
    }
    if (used.size > 0) await this.#names.reload()
    // Its process may have ended while no daemon was there.
    if (forwardsOf(endpoints).length > 0) await this.#forwarder.update()
  }

  checks(): readonly NetworkCheck[] {
    return networkChecks(this.#host, this.#names.isThere)
  }

  firewall(): Promise<FirewallReport> {
    const { name: table } = this.#table
    const endpoints = this.#rows.endpoints()
    return firewallReport({ table, networks: this.#rows.networks(), endpoints, forwarding: this.#forwarder.isThere })
  }

  /** After a container that runs has got a further network: which one leads out, and where its ports lead. */
  async #joinOthers(request: ConnectRequest, endpoint: EndpointRow): Promise<EndpointRow> {
    const { netns, id } = endpoint
    this.#rows.transaction(() => this.#duties.inherit(netns, request.held ?? []))
    await this.#settle(netns)
    return this.#rows.endpoints({ netns }).find((each) => each.id === id) ?? endpoint
  }

  /** Makes what one network of a container does for all of them what it is to be. Idempotent. */
  async #settle(netns: string): Promise<void> {
    await this.#duties.settleRoutes(netns)
    await this.#duties.settlePorts(netns)
    if (forwardsOf(this.#rows.endpoints({ netns })).length > 0) await this.#forwarder.update()
  }

  /** Has the process listen on the ports that are published by it. @throws NetworkError PORT_TAKEN */
  async #forward(endpoint: EndpointRow, reservations: readonly Reservation[]): Promise<void> {
    const proxied = reservations.filter(({ port }) => port.proxy === true)
    if (proxied.length === 0) return
    for (const { socket } of proxied) socket?.[Symbol.dispose]()
    const mine = forwardsOf([endpoint])
    for (const { forward, code } of await this.#forwarder.update()) {
      const { hostIp, hostPort, protocol } = forward
      if (mine.some((each) => each.hostIp === hostIp && each.hostPort === hostPort && each.protocol === protocol))
        throw portTaken({ hostIp, hostPort, protocol }, { code, publisherOf: () => undefined })
    }
  }

  /** Forgets an endpoint that could not be made, with all that is in the kernel of it already. Answers with the error to throw. */
  async #giveUp(taken: EndpointRow, applied: readonly Applied[], error: unknown): Promise<unknown> {
    const { netns, owner } = taken
    const row = this.#rows.endpoints({ netns }).find(({ id }) => id === taken.id) ?? taken
    this.#rows.removeEndpoint(taken.id)
    try {
      await this.#ledger.undoEntries(owner, [
        ...new Set([...row.sequences, ...applied.map(({ sequence }) => sequence)]),
      ])
      await this.#forget([row])
      await this.#duties.settleRoutes(netns)
    } catch (cause) {
      return new NetworkError('CHANGE_FAILED', `Cannot take back what was made of the connection: ${reasonOf(cause)}`, {
        cause: error,
      })
    }
    return error
  }

  /** Gives back the addresses, names and ports of endpoints. */
  async #forget(rows: readonly EndpointRow[], { inherit = false }: { inherit?: boolean } = {}): Promise<void> {
    if (rows.length === 0) return
    this.#rows.transaction(() => {
      for (const { id } of rows) this.#rows.removeEndpoint(id)
      if (inherit) for (const { netns, ports } of rows) this.#duties.inherit(netns, ports)
      for (const row of rows) this.#names.drop(row.network, row)
    })
    for (const { id } of rows) {
      for (const { socket } of this.#reservations.get(id) ?? []) socket?.[Symbol.dispose]()
      this.#reservations.delete(id)
    }
    await this.#names.reload()
    if (forwardsOf(rows).length > 0) await this.#forwarder.update()
  }

  #writeNames(network: NetworkRow): void {
    if (network.driver === 'bridge') this.#names.write(network, this.#rows.endpoints({ network: network.name }))
  }

  #mustBeUnused(network: NetworkRow): void {
    const used = this.#rows.endpoints({ network: network.name })
    if (used.length === 0) return
    const who = used.map(({ containerName }) => containerName).join(', ')
    throw new NetworkError('NETWORK_IN_USE', `Cannot remove network "${network.name}": containers use it (${who})`, {
      subject: network.name,
      hint: 'stop and remove them, or disconnect them',
    })
  }

  #netnsOf(container: { readonly id: string }): string {
    return `${this.#site.instance}-${container.id.slice(0, 12)}`
  }

  #take(network: NetworkRow, request: ConnectRequest): { row: EndpointRow; bridge: number } {
    const { container, ip, ip6 } = request
    return this.#rows.transaction(() => {
      const netns = request.netns ?? this.#netnsOf(container)
      const links = this.#rows.endpoints({ netns })
      if (links.some((other) => other.network === network.name))
        throw new NetworkError(
          'ALREADY_CONNECTED',
          `Container "${container.name}" is connected to network "${network.name}" already`,
          { subject: network.name },
        )
      const addresses = takeAddresses(this.#rows, network, { ip, ip6 })
      const id = randomBytes(32).toString('hex')
      const bridge = network.driver === 'bridge' ? this.#bridgeWithRoom(network) : 0
      const { subnet6 } = network
      const row: EndpointRow = {
        id,
        network: network.name,
        networkId: network.id,
        owner: request.owner,
        containerId: container.id,
        containerName: container.name,
        names: namesOf(container),
        ...addresses,
        prefixLength: parseSubnet(network.subnet).prefix,
        prefixLength6: subnet6 === undefined ? undefined : parseSubnet6(subnet6).prefix,
        mac: request.mac ?? macOf(parseAddress(addresses.ip) ?? 0),
        gateway: network.gateway,
        gateway6: network.gateway6,
        gatewayPriority: request.gatewayPriority ?? 0,
        netns,
        link: request.link ?? freeLink(links.map(({ link }) => link)),
        hostLink: `gv${id.slice(0, 12)}`,
        bridge: bridgeName(network, bridge),
        ports: [],
        sequences: [],
        holder: { pid: process.pid, startTime: processStartTime(process.pid) ?? '' },
      }
      this.#rows.addEndpoint(row)
      return { row, bridge }
    })
  }

  #bridgeWithRoom(network: NetworkRow): number {
    const ports = this.#rows.portsOf(network.name)
    for (let number = 0; ; number++)
      if ((ports.get(bridgeName(network, number)) ?? 0) < this.#bridgePorts) return number
  }

  async #apply(request: ConnectRequest, network: NetworkRow, endpoint: EndpointRow): Promise<readonly Applied[]> {
    const options = request.signal === undefined ? {} : { signal: request.signal }
    const apply = (changes: readonly Change[]): Promise<readonly Applied[]> =>
      changes.length === 0
        ? Promise.resolve([])
        : this.#made.orRebuilt(() => this.#ledger.apply(request.owner, changes, options))
    const isFirst = request.netns === undefined
    const users = request.users === undefined ? {} : { users: request.users }
    const links = [
      ...(isFirst ? [makeNetns({ name: endpoint.netns, ...users }, ownNamespace)] : []),
      ...linkChanges(network, endpoint),
      ...(isFirst ? this.#duties.routesOf(endpoint, [endpoint]) : []),
    ]
    // Two programs, ip and nft, that need not wait for each other: an element may lead to an address before it is there.
    const results = await Promise.allSettled([apply(links), apply(portChanges(this.#table.name, endpoint))])
    const made = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed === undefined) return made
    await this.#ledger.undoEntries(
      request.owner,
      made.map(({ sequence }) => sequence),
    )
    throw new NetworkError(
      'CHANGE_FAILED',
      `Cannot join container "${request.container.name}" to network "${network.name}": ${reasonOf(failed.reason)}`,
      { cause: failed.reason, subject: network.name },
    )
  }

  readonly #publisherOf: PublisherOf = (wanted) =>
    this.#rows.endpoints().find(({ ports }) => ports.some((port) => isSamePlace(port, wanted)))?.containerName

  #endpoint(network: NetworkRow, endpoint: EndpointRow, reservations: readonly Reservation[]): Endpoint {
    return {
      ...endpoint,
      endpointId: endpoint.id,
      netnsPath: `/run/netns/${endpoint.netns}`,
      portFds: reservations.flatMap(({ port, socket }) =>
        socket === undefined || port.proxy === true ? [] : [socket.fd],
      ),
      releasePorts: () => {
        for (const { socket } of reservations) socket?.[Symbol.dispose]()
        this.#reservations.delete(endpoint.id)
      },
      resolvConf: resolvConf({
        host: hostResolvConf(),
        ...(this.#names.isThere && network.driver === 'bridge' ? { nameserver: network.gateway } : {}),
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

/** The kernel lets a bridge have 1,023 ports; some are kept for links to further bridges. */
const mostBridgePorts = 1000

const ownNamespace = "the container's own links, addresses and ports"

function mustPublish(network: NetworkRow): void {
  if (network.driver === 'bridge' && !network.internal) return
  const why = network.internal ? 'is internal' : `has the driver "${network.driver}"`
  throw new NetworkError('PORT_INVALID', `Cannot publish ports: network "${network.name}" ${why}`, {
    subject: network.name,
    hint: network.internal
      ? 'connect the container to another network too'
      : 'its containers are reached by their own addresses; leave the ports out',
  })
}

/** Ports with the address that the network says for those without one. */
function boundBy(network: NetworkRow, ports: readonly PortMapping[]): readonly PortMapping[] {
  const address = hostBindingOf(network)
  if (address === undefined) return ports
  return ports.map((port) => (port.hostIp === undefined || port.hostIp === '' ? { ...port, hostIp: address } : port))
}

function isSamePlace(
  port: { hostIp: string; hostPort: number; protocol: string },
  wanted: { hostIp: string; hostPort: number; protocol: string },
): boolean {
  const isAny = (ip: string): boolean => ip === '0.0.0.0' || ip === '::'
  if (port.hostPort !== wanted.hostPort || port.protocol !== wanted.protocol) return false
  if (port.hostIp.includes(':') !== wanted.hostIp.includes(':')) return false
  return port.hostIp === wanted.hostIp || isAny(port.hostIp) || isAny(wanted.hostIp)
}

function reasonOf(error: unknown): string {
  if (error instanceof LedgerError && error.cause instanceof Error) return error.cause.message
  return error instanceof Error ? error.message : String(error)
}
