import { contains, formatAddress, parseAddress, parseSubnet, sizeOf, type Subnet } from './ipv4.ts'
import { contains6, formatAddress6, parseAddress6, parseSubnet6, sizeOf6 } from './ipv6.ts'
import { NetworkError } from './network-error.ts'
import type { NetworkRow, NetworkRows } from './network-rows.ts'

/** The addresses of a container on a network. */
export interface TakenAddresses {
  readonly ip: string
  readonly ip6: string | undefined
}

/**
 * Finds addresses on a network: those asked for, or the next free IPv4 address after the last that was given out, and the IPv6 address
 * with the same number within its subnet. Within a transaction that also writes the endpoint.
 * @throws NetworkError ADDRESS_TAKEN, ADDRESS_INVALID, SUBNET_EXHAUSTED
 */
export function takeAddresses(
  rows: NetworkRows,
  network: NetworkRow,
  wanted: { readonly ip?: string | undefined; readonly ip6?: string | undefined },
): TakenAddresses {
  checkWanted(network, wanted)
  if (wanted.ip !== undefined && !isFree(rows, network, parseAddress(wanted.ip) ?? 0)) throw taken(network, wanted.ip)
  const address = wanted.ip === undefined ? nextAddress(rows, network) : (parseAddress(wanted.ip) ?? 0)
  return { ip: formatAddress(address), ip6: takeAddress6(rows, network, { wanted: wanted.ip6, address }) }
}

/** Whether addresses can be given on a network at all. @throws NetworkError ADDRESS_INVALID */
export function checkWanted(
  network: NetworkRow,
  { ip, ip6 }: { readonly ip?: string | undefined; readonly ip6?: string | undefined },
): void {
  if (ip !== undefined) {
    const address = parseAddress(ip)
    if (address === undefined || !contains(parseSubnet(network.subnet), address))
      throw invalid(network, ip, network.subnet)
  }
  if (ip6 === undefined) return
  const { subnet6 } = network
  if (subnet6 === undefined)
    throw new NetworkError(
      'ADDRESS_INVALID',
      `Cannot give ${ip6} to a container: network "${network.name}" has no IPv6`,
      {
        subject: ip6,
        hint: 'create the network with --ipv6',
      },
    )
  const address = parseAddress6(ip6)
  if (address === undefined || !contains6(parseSubnet6(subnet6), address)) throw invalid(network, ip6, subnet6)
}

function nextAddress(rows: NetworkRows, network: NetworkRow): number {
  const subnet = parseSubnet(network.subnet)
  const pool = network.range === undefined ? subnet : parseSubnet(network.range)
  // The first address of a subnet is its own, the last the broadcast's.
  const first = Math.max(pool.base, subnet.base + 1)
  const count = Math.min(pool.base + sizeOf(pool), subnet.base + sizeOf(subnet) - 1) - first
  const last = rows.lastAddress(network.name)
  const from = last >= first && last < first + count ? last - first + 1 : 0
  for (let step = 0; step < count; step++) {
    const address = first + ((from + step) % count)
    if (!isFree(rows, network, address)) continue
    rows.setLastAddress(network.name, address)
    return address
  }
  throw exhausted(network, network.range ?? network.subnet)
}

function isFree(rows: NetworkRows, network: NetworkRow, address: number): boolean {
  return formatAddress(address) !== network.gateway && rows.isFree(network.name, { four: address })
}

function takeAddress6(
  rows: NetworkRows,
  network: NetworkRow,
  { wanted, address }: { wanted: string | undefined; address: number },
): string | undefined {
  if (network.subnet6 === undefined) return undefined
  const isFree6 = (value: bigint): boolean => {
    const six = formatAddress6(value)
    return six !== network.gateway6 && rows.isFree(network.name, { six })
  }
  if (wanted !== undefined) {
    const value = parseAddress6(wanted) ?? 0n
    if (isFree6(value)) return formatAddress6(value)
    throw taken(network, wanted)
  }
  const { base, prefix } = parseSubnet6(network.subnet6)
  const size = sizeOf6({ base, prefix })
  const four: Subnet = parseSubnet(network.subnet)
  const most = size < 65_536n ? size : 65_536n
  for (let step = 0n; step < most; step++) {
    const offset = (BigInt(address - four.base) + step) % size
    if (offset !== 0n && isFree6(base + offset)) return formatAddress6(base + offset)
  }
  throw exhausted(network, network.subnet6)
}

function invalid(network: NetworkRow, wanted: string, subnet: string): NetworkError {
  return new NetworkError('ADDRESS_INVALID', `"${wanted}" is not an address of network "${network.name}" (${subnet})`, {
    subject: wanted,
  })
}

function taken(network: NetworkRow, wanted: string): NetworkError {
  return new NetworkError('ADDRESS_TAKEN', `Address ${wanted} of network "${network.name}" is in use`, {
    subject: wanted,
    hint: 'give another address, or none',
  })
}

function exhausted(network: NetworkRow, subnet: string): NetworkError {
  return new NetworkError('SUBNET_EXHAUSTED', `Network "${network.name}" has no free address in ${subnet}`, {
    subject: network.name,
    hint: 'remove containers, or create a network with a larger subnet',
  })
}
