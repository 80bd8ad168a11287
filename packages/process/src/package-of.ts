import { existsSync } from 'node:fs'

const debian: Readonly<Record<string, string>> = {
  'aardvark-dns': 'aardvark-dns',
  apparmor_parser: 'apparmor',
  'apt-get': 'apt',
  catatonit: 'catatonit',
  conmon: 'conmon',
  criu: 'criu',
  crun: 'crun',
  docker: 'docker.io',
  'firewall-cmd': 'firewalld',
  ip: 'iproute2',
  iptables: 'iptables',
  ip6tables: 'iptables',
  mmdebstrap: 'mmdebstrap',
  modprobe: 'kmod',
  mount: 'mount',
  newuidmap: 'uidmap',
  nft: 'nftables',
  podman: 'podman',
  ps: 'procps',
  runc: 'runc',
  skopeo: 'skopeo',
  sysctl: 'procps',
  systemctl: 'systemd',
  ufw: 'ufw',
  umoci: 'umoci',
  xz: 'xz-utils',
}

const renamed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  dnf: { iproute2: 'iproute', procps: 'procps-ng', mount: 'util-linux', uidmap: 'shadow-utils' },
  apk: { mount: 'util-linux', uidmap: 'shadow-uidmap', kmod: 'kmod' },
}

const managers = [
  { path: '/usr/bin/apt-get', name: 'apt', install: 'apt-get install -y' },
  { path: '/usr/bin/dnf', name: 'dnf', install: 'dnf install -y' },
  { path: '/sbin/apk', name: 'apk', install: 'apk add' },
  { path: '/usr/bin/zypper', name: 'zypper', install: 'zypper install -y' },
  { path: '/usr/bin/pacman', name: 'pacman', install: 'pacman -S --noconfirm' },
] as const

/** A package of the host's own distribution that brings a program. */
export interface PackageHint {
  readonly package: string
  /** The command a person runs, as root, to install it. */
  readonly install: string
}

/**
 * The package that brings a program, for the host's package manager; on a host with an unknown one, Debian's name.
 * Undefined for programs Gantry never asks for.
 */
export function packageOf(program: string): PackageHint | undefined {
  const name = debian[program]
  if (name === undefined) return undefined
  const manager = managers.find((each) => existsSync(each.path)) ?? managers[0]
  const local = renamed[manager.name]?.[name] ?? name
  return { package: local, install: `${manager.install} ${local}` }
}
