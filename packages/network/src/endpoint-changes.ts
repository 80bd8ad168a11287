import { address, linkUp, nftElement, route, sublink, veth, type Change } from '@gantry/linux'
import { mtuOf, parentOf } from './driver-options.ts'
import { portElement, tableFamily } from './firewall-rules.ts'
import type { EndpointRecord, Network, PublishedPort } from './networks.ts'

/** What joins a container to a network: its link with addresses. Without the way out. */
export function linkChanges(network: Network, endpoint: EndpointRecord): readonly Change[] {
  const { netns, link, ip, prefixLength, ip6, prefixLength6 } = endpoint
  const why = `its address on network ${network.name}`
  return [
    joining(network, endpoint),
    address({ link, cidr: `${ip}/${String(prefixLength)}`, netns }, why),
    ...(ip6 === undefined ? [] : [address({ link, cidr: `${ip6}/${String(prefixLength6)}`, netns }, why)]),
    linkUp({ link, netns }, 'packets pass'),
  ]
}

function joining(network: Network, { netns, link, mac, hostLink, bridge }: EndpointRecord): Change {
  const why = `joins the container to network ${network.name}`
  const mtu = mtuOf(network)
  const size = mtu === undefined ? {} : { mtu }
  if (network.driver === 'bridge')
    return veth({ name: hostLink, peer: link, netns, mac, bridge, hairpin: true, ...size }, why)
  const { parent, mode } = parentOf(network)
  const own = network.driver === 'macvlan' ? { mac } : {}
  return sublink({ name: link, parent, netns, type: network.driver, mode, ...own, ...size }, why)
}

/** The default route of a container through one of its networks. */
export function routeChange(
  network: Network,
  { netns, link, gateway, gateway6 }: EndpointRecord,
  six: boolean,
): Change {
  // In these modes the kernel has no neighbours: what is sent finds its way without a gateway.
  if (network.driver === 'ipvlan' && parentOf(network).mode !== 'l2')
    return route({ link, netns, ...(six ? { to: '::/0' } : {}) }, 'the way out')
  return route({ via: six ? (gateway6 ?? '') : gateway, netns }, 'the way out')
}

/** An element of the table for each published port that packets are led through: one `nft`. */
export function portChanges(table: string, endpoint: EndpointRecord): readonly Change[] {
  return endpoint.ports.flatMap((port) => {
    const element = portElement(endpoint, port)
    if (element === undefined) return []
    const { map, key, value } = element
    return nftElement(
      { family: tableFamily, table, map, key, ...(value === undefined ? {} : { value }) },
      `port ${String(port.hostPort)} of ${placeOf(port)} leads to ${port.protocol} port ${String(port.containerPort)} of the container`,
    )
  })
}

function placeOf({ hostIp }: PublishedPort): string {
  return hostIp === '0.0.0.0' || hostIp === '::' ? 'this host' : hostIp
}
