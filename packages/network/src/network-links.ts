import { existsSync } from 'node:fs'
import {
  address,
  bridge,
  LedgerError,
  nftElement,
  sysctl,
  veth,
  type Change,
  type Host,
  type Ledger,
  type Owner,
} from '@gantry/linux'
import { mtuOf } from './driver-options.ts'
import { furtherBridgeElements, networkElements, tableFamily, type Element } from './firewall-rules.ts'
import { hasIpv6 } from './forwarding6.ts'
import { macOf, parseAddress, parseSubnet } from './ipv4.ts'
import { parseSubnet6 } from './ipv6.ts'
import { neighbourRules } from './neighbour-rules.ts'
import type { NetworkRow } from './network-rows.ts'

/** The owner of a network's bridge and rules in the ledger. */
export function networkOwner(name: string): Owner {
  return `network/${name}`
}

/** The name of a network's bridge of a number; 0 is the one that has its address. */
export function bridgeName(network: NetworkRow, number: number): string {
  return number === 0 ? network.bridge : `gx${network.id.slice(0, 8)}${number.toString(36)}`
}

/** Whether a network's bridge is in the kernel. */
export function hasBridge(network: NetworkRow, number = 0): boolean {
  return existsSync(`/sys/class/net/${bridgeName(network, number)}`)
}

/** What links of networks are made with. */
export interface LinkParts {
  readonly ledger: Ledger
  readonly host: Host
  /** The table of rules. */
  readonly table: string
}

/** Makes a network's bridge, address and rules; what is left of earlier ones is undone first. One `ip` and one `nft`. */
export async function makeNetwork(network: NetworkRow, parts: LinkParts): Promise<void> {
  const further = await neighbourRules(network, { host: parts.host, bridge: network.bridge })
  await make(networkOwner(network.name), [...changes(network, parts), ...further], {
    parts,
    isThere: () => hasBridge(network),
  })
}

/**
 * Makes a further bridge of a network and links it with the first: together they are one network, with room for more than the 1,023 ports
 * that the kernel lets a bridge have. It goes with the network.
 */
export async function extendNetwork(network: NetworkRow, number: number, parts: LinkParts): Promise<void> {
  const name = bridgeName(network, number)
  const [here, there] = ['l', 'm'].map((end) => `g${end}${network.id.slice(0, 8)}${number.toString(36)}`)
  const mtu = mtuOf(network)
  const size = mtu === undefined ? {} : { mtu }
  await make(
    `${networkOwner(network.name)}/bridge/${String(number)}`,
    [
      bridge({ name, ...size }, `network ${network.name} has more containers than a bridge has ports`),
      veth(
        { name: here ?? '', peer: there ?? '', bridge: network.bridge, peerBridge: name, ...size },
        'the two bridges are one network',
      ),
      ...elements(furtherBridgeElements(name), parts),
      ...(await neighbourRules(network, { host: parts.host, bridge: name })),
    ],
    { parts, isThere: () => hasBridge(network, number) },
  )
}

/** Whether a further bridge is there, with its link to the first. */
export function isExtended(network: NetworkRow, number: number, ledger: Ledger): boolean {
  const owners = ledger.owners(`${networkOwner(network.name)}/bridge/${String(number)}`)
  return hasBridge(network, number) && owners.some(({ state }) => state === 'settled')
}

async function make(
  owner: Owner,
  list: readonly Change[],
  { parts, isThere }: { readonly parts: LinkParts; readonly isThere: () => boolean },
): Promise<void> {
  await parts.ledger.undo(owner)
  try {
    await parts.ledger.apply(owner, list)
  } catch (error) {
    // Another process was quicker.
    if (error instanceof LedgerError && error.code === 'OWNER_BUSY' && isThere()) return
    throw error
  }
  parts.ledger.settle(owner)
}

function changes(network: NetworkRow, parts: LinkParts): Change[] {
  const { prefix } = parseSubnet(network.subnet)
  const { subnet6, gateway6 } = network
  const why = 'the way out of the network, and its name server'
  const link = network.bridge
  const mtu = mtuOf(network)
  // With an address of its own: else the bridge takes over that of a container, and changes it when that one goes.
  const mac = macOf(parseAddress(network.gateway) ?? 0)
  return [
    bridge(
      { name: link, mac, ...(mtu === undefined ? {} : { mtu }) },
      `the containers of network ${network.name} are joined here`,
    ),
    address({ link, cidr: `${network.gateway}/${String(prefix)}` }, why),
    ...(subnet6 === undefined || gateway6 === undefined
      ? []
      : [address({ link, cidr: `${gateway6}/${String(parseSubnet6(subnet6).prefix)}` }, why)]),
    sysctl(
      { key: `net/ipv4/conf/${link}/route_localnet`, value: '1' },
      'connections from 127.0.0.1 to published ports may enter the bridge',
    ),
    ...(hasIpv6()
      ? [
          sysctl(
            { key: `net/ipv6/conf/${link}/accept_ra`, value: '0' },
            'no container can pose as a router to the host',
          ),
        ]
      : []),
    ...elements(networkElements(network), parts),
  ]
}

function elements(list: readonly Element[], { table }: Pick<LinkParts, 'table'>): readonly Change[] {
  return list.map(({ map, key }) =>
    nftElement({ family: tableFamily, table, map, key }, elementWhy[map] ?? 'rules for the network'),
  )
}

const elementWhy: Readonly<Record<string, string>> = {
  bridges: 'the rules for containers hold for this bridge',
  further: 'packets that pass this bridge are followed on the first one',
  same: 'containers of one network reach each other',
  internal: 'the network has no way out',
  subnets: "packets that leave have the host's address",
  subnets6: "packets that leave have the host's address",
}
