import { masquerades } from './driver-options.ts'
import type { EndpointRecord, Network, PublishedPort } from './networks.ts'

/** The family of our table: both, since one table is for IPv4 and IPv6. */
export const tableFamily = 'inet'

/** A chain without rules whose name says which edition of the rules a table has: one of an older Gantry is made anew. */
export const editionChain = 'edition_2'

const sets = ['bridges', 'same', 'further', 'internal', 'subnets', 'subnets6'] as const
const maps = ['ports', 'ports_at', 'ports6', 'ports6_at'] as const

/** An element of a set or map of our table. */
export interface Element {
  readonly map: (typeof sets)[number] | (typeof maps)[number]
  readonly key: string
  readonly value?: string
}

/** The nftables table of an instance: `gantry`, or `gantry_<6 hex>`. */
export function tableName(instance: string): string {
  return instance.replaceAll(/[^a-zA-Z0-9_]/g, '_')
}

/** The elements that a network has in the table. One beside the host has none. */
export function networkElements(network: Network): readonly Element[] {
  if (network.driver !== 'bridge') return []
  const { bridge, subnet, subnet6, internal } = network
  const leaving: Element[] = [
    { map: 'subnets', key: subnet },
    ...(subnet6 === undefined ? [] : [{ map: 'subnets6' as const, key: subnet6 }]),
  ]
  return [
    { map: 'bridges', key: `"${bridge}"` },
    { map: 'same', key: `"${bridge}" . "${bridge}"` },
    ...(internal ? [{ map: 'internal' as const, key: `"${bridge}"` }] : masquerades(network) ? leaving : []),
  ]
}

/** The elements of a further bridge of a network: what passes through it stays within the network. */
export function furtherBridgeElements(bridge: string): readonly Element[] {
  return [
    { map: 'bridges', key: `"${bridge}"` },
    { map: 'same', key: `"${bridge}" . "${bridge}"` },
    { map: 'further', key: `"${bridge}"` },
  ]
}

/**
 * The element of a published port; undefined where a process passes its packets on, or the container has no address of the family. One
 * for all host addresses has another map than one for a certain address.
 */
export function portElement(
  { ip, ip6 }: Pick<EndpointRecord, 'ip' | 'ip6'>,
  { hostIp, hostPort, containerPort, protocol, proxy }: PublishedPort,
): Element | undefined {
  const isSix = hostIp.includes(':')
  const target = isSix ? ip6 : ip
  if (proxy === true || target === undefined) return undefined
  const value = `${target} . ${String(containerPort)}`
  const service = `${protocol} . ${String(hostPort)}`
  if (hostIp === '0.0.0.0' || hostIp === '::') return { map: isSix ? 'ports6' : 'ports', key: service, value }
  return { map: isSix ? 'ports6_at' : 'ports_at', key: `${hostIp} . ${service}`, value }
}

const types: Readonly<Record<Element['map'], string>> = {
  bridges: 'set bridges { type ifname;',
  same: 'set same { type ifname . ifname;',
  further: 'set further { type ifname;',
  internal: 'set internal { type ifname;',
  subnets: 'set subnets { type ipv4_addr; flags interval;',
  subnets6: 'set subnets6 { type ipv6_addr; flags interval;',
  ports: 'map ports { type inet_proto . inet_service : ipv4_addr . inet_service;',
  ports_at: 'map ports_at { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;',
  ports6: 'map ports6 { type inet_proto . inet_service : ipv6_addr . inet_service;',
  ports6_at: 'map ports6_at { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service;',
}

/**
 * The text of the table: constant rules over sets and maps, so that a container costs elements and not rules.
 *
 *   local            127/8 must not come from a container, although route_localnet lets the kernel accept it. Where bridges call iptables,
 *                    what passes a further bridge was seen on the first one, or will be
 *   prerouting, output   a published port leads to its container; `output` is for connections from this host, 127.0.0.1 included. Not ::1:
 *                    the kernel would not take the answers
 *   postrouting      containers leave with the host's address; connections from 127/8 and between containers through a published port
 *                    come back through us only if their source is ours
 *   forward          within a network: yes (seen here only where bridges call iptables). Out: yes, but for internal networks.
 *                    In: answers and published ports. Between networks: no
 */
export function tableRules(networks: readonly Network[], endpoints: readonly EndpointRecord[]): string {
  const first = new Set(networks.map(({ bridge }) => bridge))
  const further = new Set(endpoints.map(({ bridge }) => bridge).filter((bridge) => !first.has(bridge)))
  const elements = [
    ...networks.flatMap(networkElements),
    ...[...further].flatMap(furtherBridgeElements),
    ...endpoints.flatMap((endpoint) => endpoint.ports.map((port) => portElement(endpoint, port))),
  ].filter((element) => element !== undefined)
  const of = (map: Element['map']): string => {
    const own = elements.filter((element) => element.map === map)
    const items = own.map(({ key, value }) => (value === undefined ? key : `${key} : ${value}`))
    return `  ${types[map]}${items.length === 0 ? '' : ` elements = { ${items.join(', ')} };`} }`
  }
  const dnat = `
    fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @ports_at
    fib daddr type local dnat ip to meta l4proto . th dport map @ports
    fib daddr type local dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports6_at
    fib daddr type local dnat ip6 to meta l4proto . th dport map @ports6`
  return `
${[...sets, ...maps].map(of).join('\n')}
  chain ${editionChain} {
  }
  chain local {
    type filter hook prerouting priority raw; policy accept;
    iifname @further notrack
    iifname @bridges ip daddr 127.0.0.0/8 drop
    iifname @bridges ip saddr 127.0.0.0/8 drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;${dnat}
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip6 daddr ::1 return${dnat}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 127.0.0.0/8 oifname @bridges masquerade
    ip saddr @subnets oifname @bridges ct status dnat masquerade
    ip saddr @subnets oifname != @bridges masquerade
    ip6 saddr @subnets6 oifname @bridges ct status dnat masquerade
    ip6 saddr @subnets6 oifname != @bridges masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname != @bridges oifname != @bridges accept
    ct state established,related accept
    iifname . oifname @same accept
    iifname @internal drop
    oifname @internal drop
    oifname @bridges ct status dnat accept
    iifname @bridges oifname != @bridges accept
    oifname @bridges drop
  }
`
}
