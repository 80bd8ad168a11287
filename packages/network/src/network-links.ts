import { existsSync } from 'node:fs'
import {
  address,
  bridge,
  firewallRule,
  LedgerError,
  nftElement,
  sysctl,
  type Change,
  type Host,
  type Ledger,
  type Owner,
} from '@gantry/linux'
import { networkElements } from './firewall-rules.ts'
import { parseSubnet } from './ipv4.ts'
import type { NetworkRow } from './network-rows.ts'

/** The owner of a network's bridge and rules in the ledger. */
export function networkOwner(name: string): Owner {
  return `network/${name}`
}

/** Whether a network's bridge is in the kernel. */
export function hasBridge(network: NetworkRow): boolean {
  return existsSync(`/sys/class/net/${network.bridge}`)
}

/** Makes a network's bridge, address and rules; what is left of earlier ones is undone first. One `ip` and one `nft`. */
export async function makeNetwork(
  network: NetworkRow,
  parts: { readonly ledger: Ledger; readonly host: Host; readonly table: string },
): Promise<void> {
  const owner = networkOwner(network.name)
  await parts.ledger.undo(owner)
  try {
    await parts.ledger.apply(owner, changes(network, parts))
  } catch (error) {
    // Another process was quicker.
    if (error instanceof LedgerError && error.code === 'OWNER_BUSY' && hasBridge(network)) return
    throw error
  }
  parts.ledger.settle(owner)
}

function changes(network: NetworkRow, parts: { readonly host: Host; readonly table: string }): Change[] {
  const { prefix } = parseSubnet(network.subnet)
  const gateway = `${network.gateway}/${String(prefix)}`
  return [
    bridge({ name: network.bridge }, `the containers of network ${network.name} are joined here`),
    address({ link: network.bridge, cidr: gateway }, 'the way out of the network, and its name server'),
    sysctl(
      { key: `net/ipv4/conf/${network.bridge}/route_localnet`, value: '1' },
      'connections from 127.0.0.1 to published ports may enter the bridge',
    ),
    ...networkElements(network).map(({ map, key }) =>
      nftElement({ family: 'ip', table: parts.table, map, key }, elementWhy[map] ?? 'rules for the network'),
    ),
    ...neighbourRules(network, parts.host),
  ]
}

const elementWhy: Readonly<Record<string, string>> = {
  bridges: 'the rules for containers hold for this bridge',
  same: 'containers of one network reach each other',
  internal: 'the network has no way out',
  subnets: "packets that leave have the host's address",
}

// An accept in our table cannot overrule a drop in another's: so one accept each in the chain that the other keeps for users.
function neighbourRules(network: NetworkRow, host: Host): Change[] {
  if (network.internal || host.tools.iptables === undefined) return []
  const chains = [
    ...(host.neighbours.docker ? ['DOCKER-USER'] : []),
    ...(host.neighbours.ufw ? ['ufw-before-forward'] : []),
  ]
  return chains.flatMap((chain) =>
    [
      ['-i', network.bridge, '-j', 'ACCEPT'],
      ['-o', network.bridge, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED,DNAT', '-j', 'ACCEPT'],
    ].map((rule) => firewallRule({ tool: 'iptables', chain, rule }, `${chain} would drop the containers' packets`)),
  )
}
