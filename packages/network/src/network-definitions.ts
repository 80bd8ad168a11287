import { randomBytes, randomInt } from 'node:crypto'
import { chooseSubnet, defaultPool, userPool } from './choose-subnet.ts'
import { chooseSubnet6 } from './choose-subnet6.ts'
import { bridgeNameOf, checkOptions } from './driver-options.ts'
import { hostRoutes } from './host-routes.ts'
import { hostRoutes6 } from './host-routes6.ts'
import { contains, formatAddress, formatSubnet, overlaps, parseAddress, parseSubnet, type Subnet } from './ipv4.ts'
import {
  contains6,
  formatAddress6,
  formatSubnet6,
  overlaps6,
  parseAddress6,
  parseSubnet6,
  type Subnet6,
} from './ipv6.ts'
import { NetworkError } from './network-error.ts'
import type { NetworkRow, NetworkRows } from './network-rows.ts'
import type { NetworkDriver, NetworkOptions } from './networks.ts'

/** Name of the network that containers join when nothing else is said. */
export const defaultNetwork = 'bridge'

const reservedNames: readonly string[] = ['host', 'none', 'default', 'container', defaultNetwork]

/** What networks are called and which subnets they have: rows of the database and the host's routes, nothing of the kernel's. */
export class NetworkDefinitions {
  readonly #rows: NetworkRows
  readonly #instance: string

  constructor(rows: NetworkRows, instance: string) {
    this.#rows = rows
    this.#instance = instance
  }

  /** Defines a network of a user. @throws NetworkError NETWORK_EXISTS, NAME_INVALID, SUBNET_INVALID, SUBNET_TAKEN, SUBNET_EXHAUSTED, ADDRESS_INVALID, OPTION_INVALID */
  create(name: string, options: NetworkOptions): NetworkRow {
    checkName(name)
    return this.#rows.transaction(() => {
      if (this.#rows.network(name) !== undefined) {
        throw new NetworkError('NETWORK_EXISTS', `Network "${name}" exists already`, { subject: name })
      }
      return this.#define(name, options)
    })
  }

  /** All, the default one first, then by age. */
  list(): readonly NetworkRow[] {
    const first = this.default()
    return [first, ...this.#rows.networks().filter(({ name }) => name !== first.name)]
  }

  /** The network that is always there; defined at its first use. */
  default(): NetworkRow {
    const known = this.#rows.network(defaultNetwork)
    if (known !== undefined) return known
    return this.#rows.transaction(() => this.#rows.network(defaultNetwork) ?? this.#define(defaultNetwork, {}))
  }

  /** By name, ID, or the beginning of an ID that is unique. */
  find(name: string): NetworkRow | undefined {
    if (name === defaultNetwork) return this.default()
    const exact = this.#rows.network(name)
    if (exact !== undefined || !/^[0-9a-f]{4,64}$/.test(name)) return exact
    const found = this.#rows.networks().filter(({ id }) => id.startsWith(name))
    return found.length === 1 ? found[0] : undefined
  }

  /** Like {@link find}. @throws NetworkError NETWORK_UNKNOWN */
  need(name: string): NetworkRow {
    const network = this.find(name)
    if (network !== undefined) return network
    throw new NetworkError('NETWORK_UNKNOWN', `There is no network "${name}"`, {
      subject: name,
      hint: `make it with "gantry network create ${name}"`,
    })
  }

  /**
   * The network as its links are to be made: with another subnet if a route of the host has taken the one that we chose, and nobody
   * has an address of it. @throws NetworkError SUBNET_TAKEN, SUBNET_EXHAUSTED
   */
  refit(network: NetworkRow): NetworkRow {
    if (network.driver !== 'bridge') return network
    return this.#rows.transaction(() => {
      const subnet = parseSubnet(network.subnet)
      const taken = this.#taken(network.name)
      if (!taken.some((other) => overlaps(subnet, other))) return network
      if (!network.automatic || this.#rows.endpoints({ network: network.name }).length > 0) {
        throw subnetTaken(network.subnet)
      }
      const chosen = chooseSubnet(poolOf(network.name), taken)
      this.#rows.moveNetwork(network.name, formatSubnet(chosen), gatewayOf(chosen, undefined))
      return this.need(network.name)
    })
  }

  #define(name: string, options: NetworkOptions): NetworkRow {
    const { driver = 'bridge' } = options
    checkOptions(driver, options)
    const taken = this.#taken(undefined, driver)
    const subnet =
      options.subnet === undefined ? chooseSubnet(poolOf(name), taken) : freeSubnet(parseSubnet(options.subnet), taken)
    const id = randomBytes(32).toString('hex')
    const ownName = name === defaultNetwork ? defaultBridge(this.#instance) : `gtry${id.slice(0, 10)}`
    const row: NetworkRow = {
      id,
      name,
      driver,
      subnet: formatSubnet(subnet),
      gateway: gatewayOf(subnet, options.gateway),
      range: rangeOf(subnet, options.range),
      ...this.#six(options),
      bridge: bridgeNameOf(options, this.#rows.networks()) ?? ownName,
      internal: options.internal ?? false,
      automatic: options.subnet === undefined,
      labels: options.labels ?? {},
      options: options.options ?? {},
      created: Date.now(),
    }
    this.#rows.addNetwork(row)
    return row
  }

  #six({ driver, ipv6, subnet6, gateway6 }: NetworkOptions): Pick<NetworkRow, 'subnet6' | 'gateway6'> {
    if (subnet6 === undefined && ipv6 !== true) return {}
    const networks = this.#rows.networks()
    const bridges = new Set(networks.map(({ bridge }) => bridge))
    const taken = [
      ...networks.flatMap((each) => (each.subnet6 === undefined ? [] : [parseSubnet6(each.subnet6)])),
      ...(driver === undefined || driver === 'bridge' ? hostRoutes6().filter(({ link }) => !bridges.has(link)) : []),
    ]
    const subnet =
      subnet6 === undefined
        ? chooseSubnet6(Buffer.from(this.default().id.slice(0, 10), 'hex'), taken, () => randomInt(65_536))
        : parseSubnet6(subnet6)
    if (taken.some((other) => overlaps6(subnet, other))) throw subnetTaken(formatSubnet6(subnet))
    return { subnet6: formatSubnet6(subnet), gateway6: gatewayOf6(subnet, gateway6) }
  }

  // Others live beside the host on its own networks: those are where they belong.
  #taken(except?: string, driver: NetworkDriver = 'bridge'): Subnet[] {
    const networks = this.#rows.networks()
    const bridges = new Set(networks.map(({ bridge }) => bridge))
    return [
      ...networks.filter(({ name }) => name !== except).map(({ subnet }) => parseSubnet(subnet)),
      ...(driver === 'bridge' ? hostRoutes().filter(({ link }) => !bridges.has(link)) : []),
    ]
  }
}

function poolOf(name: string): typeof defaultPool {
  return name === defaultNetwork ? defaultPool : userPool
}

function checkName(name: string): void {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(name) && !reservedNames.includes(name)) return
  throw new NetworkError('NAME_INVALID', `"${name}" cannot be the name of a network`, {
    subject: name,
    hint: `use letters, digits, "_", "." and "-", beginning with a letter or digit; not ${reservedNames.join(', ')}`,
  })
}

function defaultBridge(instance: string): string {
  return instance === 'gantry' ? 'gantry0' : `gtry-${instance.slice(-6)}`
}

function gatewayOf(subnet: Subnet, wanted: string | undefined): string {
  if (wanted === undefined) return formatAddress(subnet.base + 1)
  const value = parseAddress(wanted)
  if (value !== undefined && contains(subnet, value) && value !== subnet.base) return wanted
  throw new NetworkError('ADDRESS_INVALID', `"${wanted}" cannot be the gateway of ${formatSubnet(subnet)}`, {
    subject: wanted,
  })
}

function gatewayOf6(subnet: Subnet6, wanted: string | undefined): string {
  if (wanted === undefined) return formatAddress6(subnet.base + 1n)
  const value = parseAddress6(wanted)
  if (value !== undefined && contains6(subnet, value) && value !== subnet.base) return formatAddress6(value)
  throw new NetworkError('ADDRESS_INVALID', `"${wanted}" cannot be the gateway of ${formatSubnet6(subnet)}`, {
    subject: wanted,
  })
}

function rangeOf(subnet: Subnet, wanted: string | undefined): string | undefined {
  if (wanted === undefined) return undefined
  const range = parseSubnet(wanted)
  if (range.prefix >= subnet.prefix && contains(subnet, range.base)) return formatSubnet(range)
  throw new NetworkError('SUBNET_INVALID', `The range ${wanted} is not within the subnet ${formatSubnet(subnet)}`, {
    subject: wanted,
  })
}

function freeSubnet(subnet: Subnet, taken: readonly Subnet[]): Subnet {
  if (taken.some((other) => overlaps(subnet, other))) throw subnetTaken(formatSubnet(subnet))
  return subnet
}

function subnetTaken(subnet: string): NetworkError {
  return new NetworkError(
    'SUBNET_TAKEN',
    `Cannot use subnet ${subnet}: it overlaps another network or a route of this host`,
    { subject: subnet, hint: 'see "ip route" and "gantry network ls"; give another one with --subnet' },
  )
}
