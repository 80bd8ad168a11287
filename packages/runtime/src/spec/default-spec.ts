import { dockerProfile } from '../seccomp/docker-profile.ts'
import { linuxSeccomp } from '../seccomp/linux-seccomp.ts'
import type { SeccompProfile } from '../seccomp/seccomp-profile.ts'
import { effectiveCapabilities, type CapabilityChanges } from './capabilities.ts'
import { defaultMounts, fileMounts, type ContainerFiles } from './default-mounts.ts'
import { maskedPaths, readonlyPaths } from './hidden-paths.ts'
import { availableCapabilities, limitsSwap, type SwapHost } from './host-limits.ts'
import { defaultDeviceRules, resources, type ResourceLimits } from './resources.ts'
import type {
  BlockIoSpec,
  DeviceRule,
  DeviceSpec,
  HookSpec,
  IdMapping,
  LinuxSpec,
  MountSpec,
  NamespaceSpec,
  ProcessSpec,
  RlimitSpec,
  RuntimeSpec,
  UserSpec,
} from './runtime-spec.ts'

/** What of the host a specification depends on: a part of `Host`. */
export interface SpecHost {
  readonly arch: string
  readonly kernel: string
  readonly cgroup: SwapHost
  /** Whether memory and swap can be limited together. Default: looked up. */
  readonly limitsSwap?: boolean
  readonly apparmor?: boolean
  /** Whether the kernel may take calls of the x32 ABI. Default: true. */
  readonly x32?: boolean
}

/** A user namespace and what it maps. */
export interface UserNamespace {
  readonly path: string
  readonly uids: readonly IdMapping[]
  readonly gids: readonly IdMapping[]
  /** Whether the network that is joined or made belongs to it: else /sys is the host's, and settings of the network are left. */
  readonly ownsNetwork: boolean
}

/** A namespace: a new one, the host's, or the one at a path. */
export type NamespaceChoice = 'private' | 'host' | { readonly path: string }

/** Everything that a container's configuration is made of; what is left out is as Docker has it. */
export interface SpecOptions {
  readonly host: SpecHost
  /** Absolute path of the mounted root file system. */
  readonly rootfs: string
  readonly readonlyRootfs?: boolean
  readonly args: readonly string[]
  readonly env?: readonly string[]
  readonly cwd?: string
  readonly user?: UserSpec
  readonly terminal?: boolean
  readonly consoleSize?: { readonly height: number; readonly width: number }
  readonly hostname?: string
  readonly domainname?: string
  /** `/<instance>/<id>`, or `slice:prefix:name` for systemd. */
  readonly cgroupsPath: string
  readonly network?: NamespaceChoice
  /** A user namespace of its own, made before, with its maps. Default: the host's. */
  readonly users?: UserNamespace
  readonly pid?: NamespaceChoice
  readonly ipc?: NamespaceChoice
  readonly uts?: NamespaceChoice
  /** Default: private where cgroups are v2, else the host's. */
  readonly cgroupNamespace?: NamespaceChoice
  readonly files?: ContainerFiles
  /** Mounts of the user, made last, in this order. */
  readonly mounts?: readonly MountSpec[]
  readonly shmSize?: number
  /** A small init on the host (catatonit, tini, docker-init), bound to /sbin/docker-init and put before the command. */
  readonly init?: string
  readonly limits?: ResourceLimits
  readonly blockIO?: BlockIoSpec
  readonly capabilities?: CapabilityChanges
  readonly noNewPrivileges?: boolean
  /** Every capability and device, no seccomp, nothing hidden. */
  readonly privileged?: boolean
  readonly seccomp?: 'default' | 'unconfined' | SeccompProfile
  readonly apparmorProfile?: string
  readonly sysctls?: Readonly<Record<string, string>>
  /** Raising a limit is denied on some hosts; none is set by default. */
  readonly rlimits?: readonly RlimitSpec[]
  readonly oomScoreAdj?: number
  readonly devices?: readonly DeviceSpec[]
  readonly deviceRules?: readonly DeviceRule[]
  readonly maskedPaths?: readonly string[]
  readonly readonlyPaths?: readonly string[]
  readonly hooks?: Readonly<Record<string, readonly HookSpec[]>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly rootfsPropagation?: string
}

/** The configuration of a container with Docker's defaults. Pure but for what it reads once of this machine: masked processor files, swap accounting, our own bounding set. */
export function defaultSpec(options: SpecOptions): RuntimeSpec {
  const privileged = options.privileged === true
  const mounts = [
    ...defaultMounts({
      cgroupWritable: privileged,
      ...(options.users?.ownsNetwork === false ? { hostSystem: true } : {}),
      ttyGroup: hasGroup(options.users, 5),
      ...(options.shmSize === undefined ? {} : { shmSize: options.shmSize }),
    }),
    ...fileMounts(options.files ?? {}),
    ...initMount(options.init),
    ...(options.mounts ?? []),
  ]
  return {
    ociVersion: '1.0.2',
    process: processOf(options),
    root: { path: options.rootfs, readonly: options.readonlyRootfs ?? false },
    ...(options.hostname === undefined || options.uts === 'host' ? {} : { hostname: options.hostname }),
    ...(options.domainname === undefined ? {} : { domainname: options.domainname }),
    mounts: withoutShadowed(mounts),
    ...(options.hooks === undefined || Object.keys(options.hooks).length === 0 ? {} : { hooks: options.hooks }),
    ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
    linux: linuxOf(options, privileged),
  }
}

function processOf(options: SpecOptions): ProcessSpec {
  const capabilities = capabilitiesOf(options)
  return {
    terminal: options.terminal ?? false,
    ...(options.consoleSize === undefined || options.terminal !== true ? {} : { consoleSize: options.consoleSize }),
    user: options.user ?? { uid: 0, gid: 0 },
    args: options.init === undefined ? options.args : [initPath, '--', ...options.args],
    env: options.env ?? [],
    cwd: options.cwd === undefined || options.cwd === '' ? '/' : options.cwd,
    // A user other than root keeps them in its bounding set alone: the kernel clears the rest when runc changes the user ID.
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    ...(options.rlimits === undefined ? {} : { rlimits: options.rlimits }),
    noNewPrivileges: options.noNewPrivileges ?? false,
    ...(options.apparmorProfile === undefined || options.host.apparmor !== true
      ? {}
      : { apparmorProfile: options.apparmorProfile }),
    // 0 is what the monitor gives the runtime anyway, and writing it is denied to some who are not fully root.
    ...(options.oomScoreAdj === undefined ? {} : { oomScoreAdj: options.oomScoreAdj }),
  }
}

function linuxOf(options: SpecOptions, privileged: boolean): LinuxSpec {
  const seccomp = seccompOf(options, privileged)
  const limits = resources(options.limits ?? {}, options.host.limitsSwap ?? limitsSwap(options.host.cgroup))
  const sysctl = { ...networkSysctls(options.network, options.users), ...options.sysctls }
  const { users } = options
  return {
    namespaces: namespacesOf(options),
    ...(users === undefined ? {} : { uidMappings: users.uids, gidMappings: users.gids }),
    ...(options.devices === undefined ? {} : { devices: options.devices }),
    cgroupsPath: options.cgroupsPath,
    resources: {
      devices: privileged ? [{ allow: true, access: 'rwm' }] : [...defaultDeviceRules, ...(options.deviceRules ?? [])],
      ...limits,
      ...(options.blockIO === undefined ? {} : { blockIO: options.blockIO }),
    },
    ...(options.rootfsPropagation === undefined ? {} : { rootfsPropagation: options.rootfsPropagation }),
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(Object.keys(sysctl).length === 0 ? {} : { sysctl }),
    maskedPaths: options.maskedPaths ?? (privileged ? [] : maskedPaths()),
    readonlyPaths: options.readonlyPaths ?? (privileged ? [] : readonlyPaths),
  }
}

function seccompOf(options: SpecOptions, privileged: boolean): LinuxSpec['seccomp'] {
  const choice = options.seccomp ?? (privileged ? 'unconfined' : 'default')
  if (choice === 'unconfined') return undefined
  const { arch, kernel, x32 = true } = options.host
  const target = { arch, kernel, x32, capabilities: capabilitiesOf(options) }
  return linuxSeccomp(choice === 'default' ? dockerProfile : choice, target)
}

function capabilitiesOf(options: SpecOptions): readonly string[] {
  return effectiveCapabilities({
    available: availableCapabilities(),
    ...options.capabilities,
    ...(options.privileged === undefined ? {} : { privileged: options.privileged }),
  })
}

function namespacesOf(options: SpecOptions): NamespaceSpec[] {
  const cgroup = options.cgroupNamespace ?? (options.host.cgroup.mode === 'v2' ? 'private' : 'host')
  return [
    { type: 'mount' },
    ...(options.users === undefined ? [] : [{ type: 'user' as const, path: options.users.path }]),
    ...namespace('network', options.network),
    ...namespace('uts', options.uts),
    ...namespace('pid', options.pid),
    ...namespace('ipc', options.ipc),
    ...namespace('cgroup', cgroup),
  ]
}

function namespace(type: NamespaceSpec['type'], choice: NamespaceChoice = 'private'): NamespaceSpec[] {
  if (choice === 'host') return []
  return [choice === 'private' ? { type } : { type, path: choice.path }]
}

// Docker lets a program in a network of its own bind low ports and send pings without a capability.
function networkSysctls(network: NamespaceChoice = 'private', users?: UserNamespace): Readonly<Record<string, string>> {
  if (network === 'host' || users?.ownsNetwork === false) return {}
  return { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': `0 ${lastGroup(users)}` }
}

function hasGroup(users: UserNamespace | undefined, group: number): boolean {
  if (users === undefined) return true
  return users.gids.some(({ containerID, size }) => group >= containerID && group < containerID + size)
}

/** The kernel takes a range of groups only when all of them are mapped. */
function lastGroup(users: UserNamespace | undefined): string {
  if (users === undefined) return '2147483647'
  let next = 0
  for (const { containerID, size } of users.gids.toSorted((a, b) => a.containerID - b.containerID))
    if (containerID === next) next += size
  return String(Math.min(next - 1, 2_147_483_647))
}

const initPath = '/sbin/docker-init'

function initMount(init: string | undefined): MountSpec[] {
  if (init === undefined) return []
  return [{ destination: initPath, type: 'bind', source: init, options: ['bind', 'ro'] }]
}

// A user's mount on the place of a default one replaces it; of two at one place the later is seen.
function withoutShadowed(mounts: readonly MountSpec[]): MountSpec[] {
  const last = new Map(mounts.map((mount, index) => [mount.destination, index]))
  return mounts.filter((mount, index) => last.get(mount.destination) === index)
}
