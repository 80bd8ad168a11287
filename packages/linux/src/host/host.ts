import type { HostPrivileges } from './read-privileges.ts'

/** How the kernel's control groups are mounted: v1 only, v1 with an empty or partial unified tree, or v2 only. */
export type CgroupMode = 'v1' | 'hybrid' | 'v2'

/** The control groups of a host. */
export interface HostCgroup {
  readonly mode: CgroupMode
  /** Who makes groups: systemd where it runs, else Gantry and the runtime in the file system. */
  readonly manager: 'systemd' | 'cgroupfs'
  readonly controllers: readonly string[]
  /** Where the unified tree is mounted, if it is. */
  readonly unified: string | undefined
  /** v1 hierarchies: each mount point once. */
  readonly hierarchies: readonly string[]
}

/** The programs that Gantry may use, each with its path or undefined. Looked up on first use. */
export type HostTool =
  | 'crun'
  | 'runc'
  | 'conmon'
  | 'nft'
  | 'ip'
  | 'aardvark-dns'
  | 'catatonit'
  | 'systemctl'
  | 'iptables'
  | 'ufw'
  | 'firewall-cmd'
  | 'apparmor_parser'
  | 'criu'
  | 'newuidmap'

/** What this machine is, read once. Adapters are chosen from it when they are made; nothing else asks the kernel twice. */
export interface Host {
  /** The kernel's release, such as `6.1.0-18-amd64`. */
  readonly kernel: string
  /** Major and minor number of the kernel. */
  readonly kernelVersion: readonly [number, number]
  /** As in image platforms: `amd64`, `arm64`, … */
  readonly arch: string
  readonly uid: number
  readonly privileges: HostPrivileges
  readonly cgroup: HostCgroup
  /** Whether systemd is the init of this machine. */
  readonly systemd: boolean
  readonly tools: Readonly<Record<HostTool, string | undefined>>
  /** The runtime for this host: crun, or runc where crun is missing or refuses the host's control groups. */
  readonly runtime: 'crun' | 'runc'
  readonly apparmor: boolean
  readonly selinux: boolean
  readonly seccomp: boolean
  /** Whether the kernel may take calls of the x32 ABI. */
  readonly x32: boolean
  /** Whether the kernel knows overlayfs, or can load it. */
  readonly overlay: boolean
  readonly userNamespaces: boolean
  /** Bytes. */
  readonly memory: number
  readonly cpus: number
  readonly bootId: string
  readonly packageManager: 'apt' | 'dnf' | 'apk' | 'zypper' | 'pacman' | undefined
  /** Other owners of firewall rules on this machine. */
  readonly neighbours: { readonly docker: boolean; readonly firewalld: boolean; readonly ufw: boolean }
  /** Name and version of the distribution. */
  readonly distribution: string
}
