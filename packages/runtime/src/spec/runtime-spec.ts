// The configuration of a container as the OCI runtime specification 1.1 writes it in config.json.
// https://github.com/opencontainers/runtime-spec/blob/v1.1.0/config.md

/** config.json of a bundle. */
export interface RuntimeSpec {
  readonly ociVersion: string
  readonly process: ProcessSpec
  readonly root: { readonly path: string; readonly readonly?: boolean }
  readonly hostname?: string
  readonly domainname?: string
  readonly mounts: readonly MountSpec[]
  readonly hooks?: Readonly<Record<string, readonly HookSpec[]>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly linux: LinuxSpec
}

/** The process of a container, or one that is executed in it. */
export interface ProcessSpec {
  readonly terminal?: boolean
  readonly consoleSize?: { readonly height: number; readonly width: number }
  readonly user: UserSpec
  readonly args: readonly string[]
  readonly env?: readonly string[]
  readonly cwd: string
  readonly capabilities?: CapabilitiesSpec
  readonly rlimits?: readonly RlimitSpec[]
  readonly noNewPrivileges?: boolean
  readonly apparmorProfile?: string
  readonly selinuxLabel?: string
  readonly oomScoreAdj?: number
}

/** Numeric identity of a process. */
export interface UserSpec {
  readonly uid: number
  readonly gid: number
  readonly umask?: number
  readonly additionalGids?: readonly number[]
}

/** The five sets of capabilities, names with the CAP_ prefix. */
export interface CapabilitiesSpec {
  readonly bounding?: readonly string[]
  readonly effective?: readonly string[]
  readonly inheritable?: readonly string[]
  readonly permitted?: readonly string[]
  readonly ambient?: readonly string[]
}

/** A resource limit of a process, such as RLIMIT_NOFILE. */
export interface RlimitSpec {
  readonly type: string
  readonly soft: number
  readonly hard: number
}

/** A mount, in the order in which the runtime makes them. */
export interface MountSpec {
  readonly destination: string
  readonly type?: string
  readonly source?: string
  readonly options?: readonly string[]
}

/** A program that the runtime runs at a point of the container's life. */
export interface HookSpec {
  readonly path: string
  readonly args?: readonly string[]
  readonly env?: readonly string[]
  readonly timeout?: number
}

/** What is particular to Linux. */
export interface LinuxSpec {
  readonly namespaces: readonly NamespaceSpec[]
  readonly uidMappings?: readonly IdMapping[]
  readonly gidMappings?: readonly IdMapping[]
  readonly devices?: readonly DeviceSpec[]
  readonly cgroupsPath?: string
  readonly resources?: ResourcesSpec
  readonly rootfsPropagation?: string
  readonly seccomp?: LinuxSeccomp
  readonly sysctl?: Readonly<Record<string, string>>
  readonly maskedPaths?: readonly string[]
  readonly readonlyPaths?: readonly string[]
  readonly mountLabel?: string
}

/** A namespace that is made new, or joined by its path. */
export interface NamespaceSpec {
  readonly type: 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time'
  readonly path?: string
}

/** A range of IDs of a user namespace. */
export interface IdMapping {
  readonly containerID: number
  readonly hostID: number
  readonly size: number
}

/** A device node that the runtime makes under the root. */
export interface DeviceSpec {
  readonly path: string
  readonly type: 'c' | 'b' | 'u' | 'p'
  readonly major?: number
  readonly minor?: number
  readonly fileMode?: number
  readonly uid?: number
  readonly gid?: number
}

/** A rule of the device cgroup; absent type and numbers mean all. */
export interface DeviceRule {
  readonly allow: boolean
  readonly type?: 'a' | 'c' | 'b'
  readonly major?: number
  readonly minor?: number
  readonly access: string
}

/** Limits that the runtime writes to the cgroup. */
export interface ResourcesSpec {
  readonly devices?: readonly DeviceRule[]
  readonly memory?: {
    readonly limit?: number
    readonly reservation?: number
    readonly swap?: number
    readonly swappiness?: number
    readonly disableOOMKiller?: boolean
    readonly checkBeforeUpdate?: boolean
  }
  readonly cpu?: {
    readonly shares?: number
    readonly quota?: number
    readonly period?: number
    readonly realtimeRuntime?: number
    readonly realtimePeriod?: number
    readonly cpus?: string
    readonly mems?: string
    readonly idle?: number
  }
  readonly pids?: { readonly limit: number }
  readonly blockIO?: BlockIoSpec
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[]
  readonly unified?: Readonly<Record<string, string>>
}

/** Weights and rates of block devices; rates in bytes or operations a second. */
export interface BlockIoSpec {
  readonly weight?: number
  readonly weightDevice?: readonly (DeviceNumber & { readonly weight: number })[]
  readonly throttleReadBpsDevice?: readonly DeviceRate[]
  readonly throttleWriteBpsDevice?: readonly DeviceRate[]
  readonly throttleReadIOPSDevice?: readonly DeviceRate[]
  readonly throttleWriteIOPSDevice?: readonly DeviceRate[]
}

/** A device by its numbers. */
export interface DeviceNumber {
  readonly major: number
  readonly minor: number
}

/** What a device may do in a second. */
export interface DeviceRate extends DeviceNumber {
  readonly rate: number
}

/** A seccomp filter in the runtime's form. */
export interface LinuxSeccomp {
  readonly defaultAction: string
  readonly defaultErrnoRet?: number
  readonly architectures?: readonly string[]
  readonly flags?: readonly string[]
  readonly listenerPath?: string
  readonly syscalls?: readonly LinuxSyscall[]
}

/** A rule of a seccomp filter. */
export interface LinuxSyscall {
  readonly names: readonly string[]
  readonly action: string
  readonly errnoRet?: number
  readonly args?: readonly {
    readonly index: number
    readonly value: number
    readonly valueTwo?: number
    readonly op: string
  }[]
}
