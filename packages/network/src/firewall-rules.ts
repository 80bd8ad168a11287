import type { EndpointRecord, Network, PublishedPort } from './networks.ts'

/** An element of a set or map of our table. */
export interface Element {
  readonly map: 'bridges' | 'same' | 'internal' | 'subnets' | 'ports' | 'ports_at'
  readonly key: string
  readonly value?: string
}

/** The nftables table of an instance: `gantry`, or `gantry_<6 hex>`. */
export function tableName(instance: string): string {
  return instance.replaceAll(/[^a-zA-Z0-9_]/g, '_')
}

/** The elements that a network has in the table. */
export function networkElements(network: Pick<Network, 'bridge' | 'subnet' | 'internal'>): readonly Element[] {
  return [
    { map: 'bridges', key: `"${network.bridge}"` },
    { map: 'same', key: `"${network.bridge}" . "${network.bridge}"` },
    network.internal ? { map: 'internal', key: `"${network.bridge}"` } : { map: 'subnets', key: network.subnet },
  ]
}

/** The element of a published port. One for all host addresses has another map than one for a certain address. */
export function portElement(ip: string, port: PublishedPort): Element {
  const value = `${ip} . ${String(port.containerPort)}`
  const service = `${port.protocol} . ${String(port.hostPort)}`
  return port.hostIp === '0.0.0.0'
    ? { map: 'ports', key: service, value }
    : { map: 'ports_at', key: `${port.hostIp} . ${service}`, value }
}

/**
 * The text of the table: constant rules over sets and maps, so that a container costs elements and not rules.
 *
 *   local            127/8 must not come from a container, although route_localnet lets the kernel accept it
 *   prerouting, output   a published port leads to its container; `output` is for connections from this host, 127.0.0.1 included
 *   postrouting      containers leave with the host's address; connections from 127/8 and between containers through a published port
 *                    come back through us only if their source is ours
 *   forward          within a network: yes (seen here only where bridges call iptables). Out: yes, but for internal networks.
 *                    In: answers and published ports. Between networks: no
 */
export function tableRules(networks: readonly Network[], endpoints: readonly EndpointRecord[]): string {
  const elements = [
    ...networks.flatMap(networkElements),
    ...endpoints.flatMap((endpoint) => endpoint.ports.map((port) => portElement(endpoint.ip, port))),
  ]
  const of = (map: Element['map']): string => {
    const own = elements.filter((element) => element.map === map)
    if (own.length === 0) return ''
    const items = own.map(({ key, value }) => (value === undefined ? key : `${key} : ${value}`))
    return ` elements = { ${items.join(', ')} };`
  }
  return `
  set bridges { type ifname;${of('bridges')} }
  set same { type ifname . ifname;${of('same')} }
  set internal { type ifname;${of('internal')} }
  set subnets { type ipv4_addr; flags interval;${of('subnets')} }
  map ports { type inet_proto . inet_service : ipv4_addr . inet_service;${of('ports')} }
  map ports_at { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;${of('ports_at')} }
  chain local {
    type filter hook prerouting priority raw; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop
    iifname @bridges ip saddr 127.0.0.0/8 drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @ports_at
    fib daddr type local dnat ip to meta l4proto . th dport map @ports
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @ports_at
    fib daddr type local dnat ip to meta l4proto . th dport map @ports
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 127.0.0.0/8 oifname @bridges masquerade
    ip saddr @subnets oifname @bridges ct status dnat masquerade
    ip saddr @subnets oifname != @bridges masquerade
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
