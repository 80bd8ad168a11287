import type { Owner } from '@gantry/linux'
import type { FirewallReport } from './firewall/firewall-report.ts'

/** Networks of containers. */
export interface Networks {
  /** Defines a network; links and rules are made when the first container joins. @throws NetworkError NETWORK_EXISTS, NAME_INVALID, SUBNET_INVALID, SUBNET_TAKEN, SUBNET_EXHAUSTED */
  create(name: string, options?: NetworkOptions): Promise<Network>
  /** All networks, the default one first, then by age. */
  list(): readonly Network[]
  /** By name, ID, or the beginning of an ID that is unique. */
  inspect(name: string): Network | undefined
  /** Takes it away with its links and rules. @throws NetworkError NETWORK_UNKNOWN, NETWORK_IN_USE, NETWORK_PREDEFINED */
  remove(name: string): Promise<void>
  /**
   * Joins a container to a network: address, link, published ports, name. Everything in the kernel is recorded under `owner`; on failure
   * nothing is left. Of several networks of a container, the one that leads out is chosen by {@link wayOut}; it moves when a better one
   * is joined. @throws NetworkError NETWORK_UNKNOWN, ALREADY_CONNECTED, PORT_TAKEN, PORT_DENIED, PORT_INVALID, ADDRESS_TAKEN,
   * ADDRESS_INVALID, SUBNET_EXHAUSTED, TOOL_MISSING, CHANGE_FAILED
   */
  connect(request: ConnectRequest): Promise<Endpoint>
  /**
   * Makes a network namespace for a container that has no network yet, so that it can be connected while it runs. Answers with its name
   * under /run/netns. It belongs to `owner`.
   */
  isolate(request: {
    readonly owner: Owner
    readonly container: { readonly id: string }
    readonly users?: string
  }): Promise<string>
  /**
   * Gives back addresses, names and ports of an owner, on one network or all. With `network`, the links and rules of that endpoint are
   * undone too, and the way out and the published ports move to another network of the container that has one; without, all that is
   * left to `ledger.undo(owner)`. Idempotent.
   */
  disconnect(request: { readonly owner: Owner; readonly network?: string }): Promise<void>
  /** The addresses that containers of an owner ask for names: of the first of its networks that has a name server; none without one. */
  nameServers(owner: Owner): readonly string[]
  /** Gives the container of an owner another name on its networks. */
  rename(owner: Owner, name: string): Promise<void>
  /** Checks what a later `connect` would be asked for. @throws NetworkError NETWORK_UNKNOWN, ADDRESS_INVALID */
  check(request: Pick<ConnectRequest, 'network' | 'ip' | 'ip6'>): Network
  /** Makes the way out and the published ports of a container what they are to be, after somebody died between two of its networks. */
  settle(owner: Owner): Promise<void>
  /** The endpoints on a network, or of an owner, or all. */
  endpoints(filter?: { readonly network?: string; readonly owner?: Owner }): readonly EndpointRecord[]
  /** Forgets endpoints whose owner the ledger does not know any more and whose maker is dead; makes missing links of networks in use again. */
  recover(): Promise<void>
  /** What to say about containers' name resolution and other firewalls on this host; for doctor. */
  checks(): readonly NetworkCheck[]
  /** Published ports with what leads to them, and every rule of the host's firewall with who made it. */
  firewall(): Promise<FirewallReport>
}

/** A finding about the host. */
export interface NetworkCheck {
  readonly subject: 'dns' | 'firewall' | 'tools' | 'forwarding'
  readonly ok: boolean
  readonly sentence: string
  readonly command?: string
}

/** What a user may say about a network. */
export interface NetworkOptions {
  /** Default: `bridge`. The other two put containers on a network of the host's, beside the host: `options.parent` names its link. */
  readonly driver?: NetworkDriver
  /** CIDR. Default: chosen free; of `macvlan` and `ipvlan` it is the parent's, and must be given. */
  readonly subnet?: string
  /** Default: the first address of the subnet. */
  readonly gateway?: string
  /** CIDR within the subnet: addresses that nobody asks for by name are chosen from it. Default: all of the subnet. */
  readonly range?: string
  /** Whether containers get IPv6 addresses too. Default: false, or true with `subnet6`. */
  readonly ipv6?: boolean
  /** CIDR. Default: a unique local one, chosen by chance (RFC 4193). */
  readonly subnet6?: string
  /** Default: the first address of `subnet6`. */
  readonly gateway6?: string
  /** No way out of the host, and none in but from its own containers. */
  readonly internal?: boolean
  readonly labels?: Readonly<Record<string, string>>
  /** Driver options as given, kept for inspection. */
  readonly options?: Readonly<Record<string, string>>
}

/** How containers are joined: to a bridge on this host, or as further machines on the network of one of its links. */
export type NetworkDriver = 'bridge' | 'macvlan' | 'ipvlan'

/** A network. */
export interface Network {
  /** 64 hex digits. */
  readonly id: string
  readonly name: string
  readonly driver: NetworkDriver
  readonly subnet: string
  readonly gateway: string
  readonly range?: string | undefined
  /** Absent: the network has no IPv6. */
  readonly subnet6?: string | undefined
  readonly gateway6?: string | undefined
  /** Name of the bridge link; without meaning for other drivers. */
  readonly bridge: string
  readonly internal: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, string>>
  /** Milliseconds since 1970. */
  readonly created: number
}

/** A port of the container that is to be reached through the host. */
export interface PortMapping {
  /** Default: every address of the host: IPv4, and IPv6 where the container has it. */
  readonly hostIp?: string
  /** 0 or undefined: a free one. */
  readonly hostPort?: number
  /** With `hostPort`: the first free one from it to this. */
  readonly lastHostPort?: number
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
}

/** Who joins which network, and how. */
export interface ConnectRequest {
  readonly owner: Owner
  readonly container: {
    readonly id: string
    readonly name: string
    readonly hostname?: string
    readonly aliases?: readonly string[]
  }
  /** Default: the default network. */
  readonly network?: string
  readonly ports?: readonly PortMapping[]
  /**
   * `nat` leads packets to the container before the host's own firewall sees them as the host's; `proxy` has a process of the host
   * listen, so that the host's rules hold for published ports as for any service. Default: `nat`.
   */
  readonly publishMode?: PublishMode
  /** Ports that were published when the container left its last network: the monitor still holds them. */
  readonly held?: readonly PublishedPort[]
  /** A certain address. Default: a free one. */
  readonly ip?: string
  readonly ip6?: string
  readonly mac?: string
  /** Of a container's networks the one with the highest leads out. Default: 0. */
  readonly gatewayPriority?: number
  /** Name of a namespace under /run/netns that exists already: for a further network of a container. Default: a new one is made. */
  readonly netns?: string
  /** Path of the user namespace that a namespace which is made belongs to. Default: the host's. */
  readonly users?: string
  /** Name of the link inside. Default: eth0, or the next free with `netns`. */
  readonly link?: string
  readonly signal?: AbortSignal
}

/** How packets get from a published port to the container. */
export type PublishMode = 'nat' | 'proxy'

/** A published port as it is. */
export interface PublishedPort {
  /** `0.0.0.0`, `::` or an address of the host. */
  readonly hostIp: string
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  /** A process of the host listens and passes on: with `--publish-mode=proxy`, and for `::1`, which the kernel cannot lead elsewhere. */
  readonly proxy?: boolean
}

/** A container on a network, as kept. */
export interface EndpointRecord {
  readonly id: string
  readonly network: string
  readonly networkId: string
  readonly owner: Owner
  readonly containerId: string
  readonly containerName: string
  readonly names: readonly string[]
  readonly ip: string
  readonly prefixLength: number
  readonly ip6?: string | undefined
  readonly prefixLength6?: number | undefined
  readonly mac: string
  readonly gateway: string
  readonly gateway6?: string | undefined
  readonly gatewayPriority: number
  /** Name under /run/netns. */
  readonly netns: string
  /** Name of the link inside. */
  readonly link: string
  /** Name of its other end on the host; of `macvlan` and `ipvlan` there is none. */
  readonly hostLink: string
  /** The bridge that it joins: one of the network's, which has further ones when the first is full. */
  readonly bridge: string
  readonly ports: readonly PublishedPort[]
}

/** A container on a network, just joined. */
export interface Endpoint extends EndpointRecord {
  /** Same as `id`. */
  readonly endpointId: string
  /** Path for the runtime: /run/netns/<name>. */
  readonly netnsPath: string
  /** Bound sockets to hand to the monitor, which keeps the published ports taken as long as the container lives. */
  readonly portFds: readonly number[]
  /** Closes this process's copies of the sockets: after the monitor has them. Idempotent. */
  releasePorts(): void
  /** Content of /etc/resolv.conf for this endpoint. */
  readonly resolvConf: string
}
