import { randomBytes } from 'node:crypto'
import {
  isAlive,
  LedgerError,
  processStartTime,
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
import { hostResolvConf, resolvConf } from './container-files.ts'
import { linkChanges, portChanges } from './endpoint-changes.ts'
import { formatAddress, macOf, parseSubnet } from './ipv4.ts'
import { AardvarkNameServer, noNameServer, type NameServer } from './name-server.ts'
import { networkChecks } from './network-checks.ts'
import { defaultNetwork, NetworkDefinitions } from './network-definitions.ts'
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
} from './networks.ts'
import { reservePorts, type PublisherOf, type Reservation } from './reserve-ports.ts'

/** Networks over Linux bridges, one nftables table and aardvark-dns. */
export class BridgeNetworks implements Networks {
  readonly #site: Site
  readonly #host: Host
  readonly #ledger: Ledger
  readonly #rows: NetworkRows
  readonly #definitions: NetworkDefinitions
  readonly #table: BaseTable
  readonly #names: NameServer
  readonly #making = new Map<string, Promise<NetworkRow>>()
  readonly #reservations = new Map<string, readonly Reservation[]>()

  constructor(parts: { readonly site: Site; readonly state: State; readonly ledger: Ledger; readonly host: Host }) {
    const { site, ledger, host } = parts
    this.#site = site
    this.#host = host
    this.#ledger = ledger
    this.#rows = new NetworkRows(parts.state)
    this.#definitions = new NetworkDefinitions(this.#rows, site.instance)
    this.#table = new BaseTable({ instance: site.instance, ledger, rows: this.#rows })
    const program = host.tools['aardvark-dns']
    this.#names = program === undefined ? noNameServer : new AardvarkNameServer({ program, run: site.run, ledger })
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

  async connect(request: ConnectRequest): Promise<Endpoint> {
    request.signal?.throwIfAborted()
    this.#needTools()
    const network = await this.#ready(request.network ?? defaultNetwork)
    const taken = this.#take(network, request)
    let reservations: readonly Reservation[] = []
    try {
      reservations = reservePorts(request.ports ?? [], this.#publisherOf)
      const endpoint = { ...taken, ports: reservations.map(({ port }) => port) }
      this.#rows.setPorts(endpoint.id, endpoint.ports)
      const applied = await this.#apply(request, network, endpoint)
      this.#rows.transaction(() => {
        this.#rows.setSequences(
          endpoint.id,
          applied.map(({ sequence }) => sequence),
        )
        this.#names.write(network, this.#rows.endpoints({ network: network.name }))
      })
      await this.#names.reload()
      this.#reservations.set(endpoint.id, reservations)
      return this.#endpoint(network, endpoint, reservations)
    } catch (error) {
      for (const { socket } of reservations) socket[Symbol.dispose]()
      this.#rows.removeEndpoint(taken.id)
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
    // A network in use without its bridge: somebody deleted it. Those links are gone, the next ones need it.
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
        if (network !== undefined && hasBridge(network))
          this.#names.write(network, this.#rows.endpoints({ network: name }))
      }
    })
    for (const { id } of rows) {
      for (const { socket } of this.#reservations.get(id) ?? []) socket[Symbol.dispose]()
      this.#reservations.delete(id)
    }
    await this.#names.reload()
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

  /** The network with its links and rules in the kernel. */
  async #ready(name: string): Promise<NetworkRow> {
    const network = this.#definitions.need(name)
    await this.#table.ensure()
    const owners = this.#ledger.owners(networkOwner(network.name))
    if (hasBridge(network) && owners.some(({ state }) => state === 'settled')) return network
    let making = this.#making.get(network.name)
    if (making === undefined) {
      making = this.#make(network).finally(() => this.#making.delete(network.name))
      this.#making.set(network.name, making)
    }
    return making
  }

  async #make(defined: NetworkRow): Promise<NetworkRow> {
    const network = this.#definitions.refit(defined)
    const parts = { ledger: this.#ledger, host: this.#host, table: this.#table.name }
    await this.#orRebuilt(() => makeNetwork(network, parts))
    // The name server must listen on the address that was just made; one that lost it does not try again by itself.
    const endpoints = this.#rows.transaction(() => {
      const rows = this.#rows.endpoints({ network: network.name })
      this.#names.write(network, rows)
      return rows
    })
    await this.#names.reload({ fresh: endpoints.length > 0 })
    return network
  }

  #take(network: NetworkRow, request: ConnectRequest): EndpointRow {
    const { container } = request
    return this.#rows.transaction(() => {
      const address = this.#rows.takeAddress(network, request.ip)
      const id = randomBytes(32).toString('hex')
      const netns = request.netns ?? `${this.#site.instance}-${container.id.slice(0, 12)}`
      const links = this.#rows.endpoints().filter((other) => other.netns === netns)
      const row: EndpointRow = {
        id,
        network: network.name,
        networkId: network.id,
        owner: request.owner,
        containerId: container.id,
        containerName: container.name,
        names: namesOf(container),
        ip: formatAddress(address),
        prefixLength: parseSubnet(network.subnet).prefix,
        mac: request.mac ?? macOf(address),
        gateway: network.gateway,
        netns,
        link: request.link ?? freeLink(links.map(({ link }) => link)),
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
    const options = request.signal === undefined ? {} : { signal: request.signal }
    const apply = (changes: readonly Change[]): Promise<readonly Applied[]> =>
      changes.length === 0
        ? Promise.resolve([])
        : this.#orRebuilt(() => this.#ledger.apply(request.owner, changes, options))
    // Two programs, ip and nft, that need not wait for each other: an element may lead to an address before it is there.
    const results = await Promise.allSettled([
      apply(linkChanges(network, endpoint, { isFirst: request.netns === undefined })),
      apply(portChanges(this.#table.name, endpoint)),
    ])
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

  readonly #publisherOf: PublisherOf = (wanted) =>
    this.#rows
      .endpoints()
      .find(({ ports }) =>
        ports.some(
          (port) =>
            port.hostPort === wanted.hostPort &&
            port.protocol === wanted.protocol &&
            (port.hostIp === wanted.hostIp || port.hostIp === '0.0.0.0' || wanted.hostIp === '0.0.0.0'),
        ),
      )?.containerName

  #endpoint(network: NetworkRow, endpoint: EndpointRecord, reservations: readonly Reservation[]): Endpoint {
    return {
      ...endpoint,
      endpointId: endpoint.id,
      netnsPath: `/run/netns/${endpoint.netns}`,
      bridge: network.bridge,
      ports: reservations.map(({ port, socket }) => ({ ...port, fd: socket.fd })),
      releasePorts: () => {
        for (const { socket } of reservations) socket[Symbol.dispose]()
        this.#reservations.delete(endpoint.id)
      },
      resolvConf: resolvConf({
        host: hostResolvConf(),
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

function freeLink(used: readonly string[]): string {
  for (let index = 0; ; index++) if (!used.includes(`eth${String(index)}`)) return `eth${String(index)}`
}

function isTableMissing(error: unknown): boolean {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if (!(each instanceof ProcessError) || !each.command.endsWith('nft')) continue
    if (each.stderr.includes('No such file or directory')) return true
  }
  return false
}

function reasonOf(error: unknown): string {
  if (error instanceof LedgerError && error.cause instanceof Error) return error.cause.message
  return error instanceof Error ? error.message : String(error)
}
