import type { Change } from '../ledger/change.ts'

/** Arguments of {@link directory}. */
export type DirectoryArgs = {
  readonly path: string
  /** Default: 0o755. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** Names of directories made inside it, all with mode 0o755. */
  readonly children?: readonly string[]
  /** Undo removes the directory only if it is empty. Default: false, undo removes what is inside too. */
  readonly keepContent?: boolean
  /** Who makes it, when it is not this door: apply then does nothing, and undo removes what is there. */
  readonly madeBy?: string
}

/** A directory, with missing parents. One that is there already is used, and then undo leaves it. Undo never crosses a mount. */
export function directory(args: DirectoryArgs, why: string): Change<DirectoryArgs> {
  return { kind: 'directory', args, why }
}

/** Arguments of {@link file}. */
export type FileArgs = {
  readonly path: string
  /** At most 256 KiB, UTF-8. */
  readonly content: string
  /** Default: 0o644. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** Somebody rewrites it later: an existing file is replaced, and undo removes whatever is at the path. Default: false. */
  readonly mutable?: boolean
}

/** A file with a content, written atomically. */
export function file(args: FileArgs, why: string): Change<FileArgs> {
  return { kind: 'file', args, why }
}

/** Mount flags by the names that mount(8) uses. */
export type MountFlag =
  | 'ro'
  | 'nosuid'
  | 'nodev'
  | 'noexec'
  | 'sync'
  | 'remount'
  | 'noatime'
  | 'nodiratime'
  | 'relatime'
  | 'strictatime'
  | 'bind'
  | 'rbind'
  | 'move'
  | 'private'
  | 'rprivate'
  | 'slave'
  | 'rslave'
  | 'shared'
  | 'rshared'
  | 'unbindable'
  | 'runbindable'

/** Arguments of {@link mount}. */
export type MountArgs = {
  readonly source: string
  readonly target: string
  /** Default: none, for binds. */
  readonly type?: string
  readonly flags?: readonly MountFlag[]
  /** The file system's own options, comma separated; at most 4095 bytes. */
  readonly data?: string
  /** Where relative paths in `data` start. */
  readonly directory?: string
}

/**
 * A mount on an existing directory or file. A bind with further flags (`ro`, `nosuid`) is made in two steps, and a propagation
 * flag in one more, as the kernel wants it. Undo unmounts exactly this mount, by its ID.
 */
export function mount(args: MountArgs, why: string): Change<MountArgs> {
  return { kind: 'mount', args, why }
}

/** Arguments of {@link netns}. */
export type NetnsArgs = {
  /** Its name under /run/netns. */
  readonly name: string
}

/** A named network namespace, with its loopback up. */
export function netns(args: NetnsArgs, why: string): Change<NetnsArgs> {
  return { kind: 'netns', args, why }
}

/** Arguments of {@link veth}. */
export type VethArgs = {
  /** The end on the host, at most 15 bytes. */
  readonly name: string
  /** The other end, such as `eth0`; it is made inside `netns`. */
  readonly peer: string
  readonly netns: string
  readonly mac?: string
  /** A bridge that the host's end joins. */
  readonly bridge?: string
  /** Whether the bridge may send a packet back where it came from, needed to reach one's own published port. Default: false. */
  readonly hairpin?: boolean
  readonly mtu?: number
}

/** A pair of links from the host into a network namespace. The host's end is up; the other is set up by {@link linkUp}. */
export function veth(args: VethArgs, why: string): Change<VethArgs> {
  return { kind: 'veth', args, why }
}

/** Arguments of {@link bridge}. */
export type BridgeArgs = { readonly name: string; readonly mac?: string; readonly mtu?: number }

/** A bridge on the host, up. */
export function bridge(args: BridgeArgs, why: string): Change<BridgeArgs> {
  return { kind: 'bridge', args, why }
}

/** Arguments of {@link address}. */
export type AddressArgs = { readonly link: string; readonly cidr: string; readonly netns?: string }

/** An IPv4 or IPv6 address with its prefix length on a link. */
export function address(args: AddressArgs, why: string): Change<AddressArgs> {
  return { kind: 'address', args, why }
}

/** Arguments of {@link route}. */
export type RouteArgs = {
  /** Default: `default`. */
  readonly to?: string
  readonly via?: string
  readonly link?: string
  readonly netns?: string
}

/** A route. */
export function route(args: RouteArgs, why: string): Change<RouteArgs> {
  return { kind: 'route', args, why }
}

/** Arguments of {@link linkUp}. */
export type LinkUpArgs = { readonly link: string; readonly netns?: string }

/** A link that is up. */
export function linkUp(args: LinkUpArgs, why: string): Change<LinkUpArgs> {
  return { kind: 'link-up', args, why }
}

/** Arguments of {@link sysctl}. */
export type SysctlArgs = {
  /** With dots, or with slashes where a part has a dot of its own: `net/ipv4/conf/eth0.1/forwarding`. */
  readonly key: string
  readonly value: string
}

/** A kernel parameter of the host. Undo puts the former value back, if ours is still there. */
export function sysctl(args: SysctlArgs, why: string): Change<SysctlArgs> {
  return { kind: 'sysctl', args, why }
}

/** Arguments of {@link nftTable}. */
export type NftTableArgs = {
  readonly family: 'ip' | 'ip6' | 'inet' | 'bridge' | 'netdev'
  readonly table: string
  /** The text inside `table FAMILY NAME { … }`: maps, sets and chains. */
  readonly rules: string
}

/** A table of nftables with everything in it. An existing table of that name is replaced, in one transaction. */
export function nftTable(args: NftTableArgs, why: string): Change<NftTableArgs> {
  return { kind: 'nft-table', args, why }
}

/** Arguments of {@link nftElement}. */
export type NftElementArgs = {
  readonly family: 'ip' | 'ip6' | 'inet' | 'bridge' | 'netdev'
  readonly table: string
  /** The set or map. */
  readonly map: string
  /** As nft writes it: `tcp . 8080`. */
  readonly key: string
  /** For maps: `10.88.0.2 . 80`. */
  readonly value?: string
}

/** An element of a set or map. */
export function nftElement(args: NftElementArgs, why: string): Change<NftElementArgs> {
  return { kind: 'nft-element', args, why }
}

/** Arguments of {@link firewallRule}. */
export type FirewallRuleArgs = {
  /** `iptables` or `ip6tables`. */
  readonly tool: 'iptables' | 'ip6tables'
  /** Default: `filter`. */
  readonly table?: string
  /** Such as `DOCKER-USER`. */
  readonly chain: string
  /** The rule's words: `['-i', 'gantry0', '-j', 'ACCEPT']`. */
  readonly rule: readonly string[]
}

/** One rule at the head of a chain that belongs to another program (Docker, ufw, firewalld); nothing else there is touched. */
export function firewallRule(args: FirewallRuleArgs, why: string): Change<FirewallRuleArgs> {
  return { kind: 'firewall-rule', args, why }
}

/** Arguments of {@link cgroup}. */
export type CgroupArgs = {
  /** From the root of each hierarchy, such as `/gantry/<id>`. */
  readonly path: string
  /** Who makes it, when it is not this door: apply then does nothing. */
  readonly madeBy?: string
}

/** A control group in every hierarchy. Undo kills what is left in it and removes it and those below. */
export function cgroup(args: CgroupArgs, why: string): Change<CgroupArgs> {
  return { kind: 'cgroup', args, why }
}

/** Arguments of {@link process}. */
export type ProcessArgs = {
  /** For people: `the monitor`. */
  readonly what: string
  readonly command: readonly string[]
  /**
   * An argument that only this process and its helpers have on their command line, such as a bundle's path: so that a process
   * whose spawn was not recorded any more is found again. It must be unique on the machine.
   */
  readonly match?: string
  readonly pid?: number
  readonly startTime?: string
  /** Milliseconds between SIGTERM and SIGKILL at undo. Default: 0, SIGKILL at once. */
  readonly grace?: number
}

/**
 * A process that the caller spawns between intent and confirmation, so that not even `kill -9` in between loses it.
 * `spawn` answers with its PID. Undo ends it, by PID and start time, or, if only planned, everything that carries `match`.
 */
export function spawning(
  args: ProcessArgs & { readonly match: string },
  why: string,
  spawn: (signal: AbortSignal | undefined) => Promise<number>,
): Change<ProcessArgs> {
  return { kind: 'process', args, why, act: spawn }
}

/** A process that runs already. @see spawning, which leaves no moment in which it is unknown */
export function spawned(
  args: ProcessArgs & { readonly pid: number; readonly startTime: string },
  why: string,
): Change<ProcessArgs> {
  return { kind: 'process', args, why }
}
