import { BlockList, isIP } from 'node:net'

const networks = new BlockList()
// This machine, private networks, addresses of a link (where clouds tell machines their secrets), and those of carriers.
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  networks.addSubnet(network, bits, 'ipv4')
}
for (const [network, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  networks.addSubnet(network, bits, 'ipv6')
}

/**
 * Whether an address is one that only this machine or its network reaches, also when it is written as IPv6. Names are no addresses,
 * but for `localhost` and what is below it.
 *
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry
 */
export function isPrivateAddress(host: string): boolean {
  const bare = host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase()
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true
  const kind = isIP(bare)
  // The list knows addresses of IPv4 in those of IPv6.
  return kind !== 0 && networks.check(bare, kind === 4 ? 'ipv4' : 'ipv6')
}
