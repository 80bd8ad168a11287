import { address, linkUp, netns as makeNetns, nftElement, route, veth, type Change } from '@gantry/linux'
import { portElement } from './firewall-rules.ts'
import type { EndpointRecord, Network } from './networks.ts'

/** What joins a container to a network: one `ip` on the host, and one inside. A further network of a container has no namespace to make, and no default route. */
export function linkChanges(
  network: Network,
  endpoint: EndpointRecord,
  options: { isFirst: boolean },
): readonly Change[] {
  const { netns, link, ip, prefixLength } = endpoint
  return [
    ...(options.isFirst ? [makeNetns({ name: netns }, "the container's own links, addresses and ports")] : []),
    veth(
      { name: endpoint.hostLink, peer: link, netns, mac: endpoint.mac, bridge: network.bridge, hairpin: true },
      `joins the container to network ${network.name}`,
    ),
    address({ link, cidr: `${ip}/${String(prefixLength)}`, netns }, `its address on network ${network.name}`),
    linkUp({ link, netns }, 'packets pass'),
    ...(options.isFirst && !network.internal ? [route({ via: network.gateway, netns }, 'the way out')] : []),
  ]
}

/** An element of the table for each published port: one `nft`. */
export function portChanges(table: string, endpoint: EndpointRecord): readonly Change[] {
  return endpoint.ports.map((port) => {
    const { map, key, value } = portElement(endpoint.ip, port)
    const from = port.hostIp === '0.0.0.0' ? 'this host' : port.hostIp
    return nftElement(
      { family: 'ip', table, map, key, ...(value === undefined ? {} : { value }) },
      `port ${String(port.hostPort)} of ${from} leads to ${port.protocol} port ${String(port.containerPort)} of the container`,
    )
  })
}
