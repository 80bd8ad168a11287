import type { Owner } from '@gantry/linux'

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
   * nothing is left. @throws NetworkError NETWORK_UNKNOWN, PORT_TAKEN, PORT_DENIED, PORT_INVALID, ADDRESS_TAKEN, ADDRESS_INVALID, SUBNET_EXHAUSTED, TOOL_MISSING, CHANGE_FAILED
   */
  connect(request: ConnectRequest): Promise<Endpoint>
  /**
   * Gives back addresses, names and ports of an owner, on one network or all. With `network`, the links and rules of that endpoint are
   * undone too; without, that is left to `ledger.undo(owner)`. Idempotent.
   */
  disconnect(request: { readonly owner: Owner; readonly network?: string }): Promise<void>
  /** The endpoints on a network, or of an owner, or all. */
  endpoints(filter?: { readonly network?: string; readonly owner?: Owner }): readonly EndpointRecord[]
  /** Forgets endpoints whose owner the ledger does not know any more and whose maker is dead; makes missing links of networks in use again. */
  recover(): Promise<void>
  /** What to say about containers' name resolution and other firewalls on this host; for doctor. */
  checks(): readonly NetworkCheck[]
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
  /** CIDR. Default: chosen free. */
  readonly subnet?: string
  /** Default: the first address of the subnet. */
  readonly gateway?: string
  /** No way out of the host, and none in but from its own containers. */
  readonly internal?: boolean
  readonly labels?: Readonly<Record<string, string>>
  /** Driver options as given, kept for inspection. */
  readonly options?: Readonly<Record<string, string>>
}

/** A network. */
export interface Network {
  /** 64 hex digits. */
  readonly id: string
  readonly name: string
  readonly driver: 'bridge'
  readonly subnet: string
  readonly gateway: string
  /** Name of the bridge link. */
  readonly bridge: string
  readonly internal: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, string>>
  /** Milliseconds since 1970. */
  readonly created: number
}

/** A port of the container that is to be reached through the host. */
export interface PortMapping {
  /** Default: every IPv4 address of the host. */
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
  /** A certain address. Default: a free one. */
  readonly ip?: string
  readonly mac?: string
  /** Name of a namespace under /run/netns that exists already: for a further network of a container. Default: a new one is made. */
  readonly netns?: string
  /** Name of the link inside. Default: eth0, or the next free with `netns`. */
  readonly link?: string
  readonly signal?: AbortSignal
}

/** A published port as it is. */
export interface PublishedPort {
  readonly hostIp: string
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
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
  readonly mac: string
  readonly gateway: string
  /** Name under /run/netns. */
  readonly netns: string
  /** Name of the link inside. */
  readonly link: string
  /** Name of its other end on the host. */
  readonly hostLink: string
  readonly ports: readonly PublishedPort[]
}

/** A container on a network, just joined. */
export interface Endpoint extends Omit<EndpointRecord, 'ports'> {
  /** Same as `id`. */
  readonly endpointId: string
  /** Path for the runtime: /run/netns/<name>. */
  readonly netnsPath: string
  readonly bridge: string
  readonly ports: readonly (PublishedPort & {
    /** A bound socket to hand to the monitor, which keeps the port taken as long as the container lives. */
    readonly fd: number
  })[]
  /** Closes this process's copies of the sockets: after the monitor has them. Idempotent. */
  releasePorts(): void
  /** Content of /etc/resolv.conf for this endpoint. */
  readonly resolvConf: string
}
