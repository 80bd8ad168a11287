import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, release, totalmem } from 'node:os'
import { which } from '@gantry/process'
import { bootId } from '../sys/process-identity.ts'
import type { Host, HostTool } from './host.ts'
import { hasX32 } from './has-x32.ts'
import { readCgroups } from './read-cgroups.ts'
import { readPrivileges } from './read-privileges.ts'

const tools = [
  'crun',
  'runc',
  'conmon',
  'nft',
  'ip',
  'aardvark-dns',
  'catatonit',
  'systemctl',
  'iptables',
  'ufw',
  'firewall-cmd',
  'apparmor_parser',
  'criu',
  'newuidmap',
] as const satisfies readonly HostTool[]

const architectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  loong64: 'loong64',
  ppc64: 'ppc64le',
}

const packageManagers = [
  ['apt', '/usr/bin/apt-get'],
  ['dnf', '/usr/bin/dnf'],
  ['apk', '/sbin/apk'],
  ['zypper', '/usr/bin/zypper'],
  ['pacman', '/usr/bin/pacman'],
] as const

/** Reads what this machine is, from files alone: nothing is spawned, and nothing needs root. About a millisecond. */
export async function readHost(): Promise<Host> {
  const kernel = release()
  const cgroup = readCgroups()
  const paths = lazyTools()
  let x32: boolean | undefined
  return {
    kernel,
    kernelVersion: versionOf(kernel),
    arch: architectures[process.arch] ?? process.arch,
    uid: process.getuid?.() ?? 0,
    privileges: readPrivileges(),
    cgroup,
    systemd: cgroup.manager === 'systemd',
    tools: paths,
    // crun refuses v1 controllers beside a unified tree that has something in it.
    runtime: cgroup.mode !== 'hybrid' && (paths.crun !== undefined || paths.runc === undefined) ? 'crun' : 'runc',
    apparmor: textAt('/sys/module/apparmor/parameters/enabled').startsWith('Y'),
    selinux: existsSync('/sys/fs/selinux/enforce'),
    seccomp: /^Seccomp:/m.test(textAt('/proc/self/status')),
    get x32() {
      return (x32 ??= hasX32(kernel))
    },
    overlay:
      /\boverlay$/m.test(textAt('/proc/filesystems')) || existsSync(`/lib/modules/${kernel}/kernel/fs/overlayfs`),
    userNamespaces: existsSync('/proc/self/ns/user') && Number(textAt('/proc/sys/user/max_user_namespaces')) > 0,
    memory: totalmem(),
    cpus: availableParallelism(),
    bootId: bootId(),
    packageManager: packageManagers.find(([, path]) => existsSync(path))?.[0],
    neighbours: {
      docker: existsSync('/run/docker.sock') || existsSync('/sys/class/net/docker0'),
      firewalld: existsSync('/run/firewalld') || existsSync('/run/firewalld.pid'),
      ufw: /^ENABLED=yes/m.test(textAt('/etc/ufw/ufw.conf')),
    },
    distribution: /^PRETTY_NAME="?([^"\n]*)/m.exec(textAt('/etc/os-release'))?.[1] ?? 'Linux',
  }
}

function lazyTools(): Record<HostTool, string | undefined> {
  const paths = {} as Record<HostTool, string | undefined>
  for (const tool of tools) Object.defineProperty(paths, tool, { enumerable: true, get: () => which(tool) })
  return paths
}

function versionOf(kernel: string): readonly [number, number] {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number)
  return [major, minor]
}

function textAt(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
