import type { PublishMode } from '@gantry/network'
import type { ResourceLimits } from '@gantry/runtime'
import type { ContainerUsers } from './users/container-users.ts'
import type { UsersRequest } from './users/parse-users.ts'
import type { HealthCheck, HealthRequest } from './health.ts'

/** What a container is to be, complete: what was asked for and what the image adds, merged. Stored as JSON. */
export interface ContainerSpec {
  /** The image as it was asked for. */
  readonly image: string
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly env: readonly string[]
  /** `user`, `user:group`, `uid`, `uid:gid`; empty is root. */
  readonly user: string
  readonly workingDirectory: string
  readonly hostname: string
  readonly domainname: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly terminal: boolean
  /** Size of the terminal at the start. */
  readonly consoleSize?: { readonly height: number; readonly width: number }
  readonly stdin: boolean
  /** Input ends when the first client that sent some goes away. */
  readonly stdinOnce: boolean
  readonly stopSignal: string
  /** Seconds. */
  readonly stopTimeout: number
  readonly init: boolean
  readonly readonlyRoot: boolean
  readonly autoRemove: boolean
  readonly restart: RestartPolicy
  /** Absent: nothing checks whether it does its work. */
  readonly health?: HealthCheck
  /** The image's shell, for checks that are lines for one; absent is `/bin/sh -c`. */
  readonly shell?: readonly string[]
  readonly mounts: readonly ContainerMount[]
  readonly network: NetworkChoice
  readonly ports: readonly PublishedPort[]
  /** How packets get from the host's ports to the container's; absent is `nat`. */
  readonly publishMode?: PublishMode
  /** Every port the image or the caller says something listens on, as in `80/tcp`. */
  readonly exposed: readonly string[]
  readonly extraHosts: readonly string[]
  readonly dns: {
    readonly servers: readonly string[]
    readonly search: readonly string[]
    readonly options: readonly string[]
  }
  readonly resources: Resources
  /** What becomes of the output; absent is the default, `local`. */
  readonly log?: LogChoice
  readonly security: Security
  readonly namespaces: NamespaceChoice
  /** Absent: its users are those of the host. */
  readonly users?: ContainerUsers
  readonly sysctls: Readonly<Record<string, string>>
  /** The control group in which the container's own is made; absent is the engine's. */
  readonly cgroupParent?: string
  /** Of its processes; absent is the runtime's, 0022. */
  readonly umask?: number
  /** Their values are nowhere but in the store of secrets and in the container. */
  readonly secrets?: readonly SecretUse[]
  /** Text that a face keeps with the container and gets back as it was; the engine does not look into it. */
  readonly face?: Readonly<Record<string, unknown>>
}

/** What to do when a container exits by itself. */
export interface RestartPolicy {
  readonly name: 'no' | 'always' | 'unless-stopped' | 'on-failure'
  /** Of `on-failure`; 0 is without end. */
  readonly maximumRetries: number
}

/** A mount that the container is made with. */
export type ContainerMount =
  | {
      readonly type: 'bind'
      readonly source: string
      readonly target: string
      readonly readonly: boolean
      readonly propagation: string
      /** Mounts below the source: shown as they are (`writable`: though it is read-only itself), or `disabled`. Default: with the source,
       * read-only where it is; `readonly` insists on that. */
      readonly recursive?: 'writable' | 'readonly' | 'disabled'
      /** Make the source as a directory where it is missing. */
      readonly createSource: boolean
      /** Its owners are mapped too: files keep the ids of the inside. Without what is mounted below. */
      readonly idmap?: boolean
    }
  | {
      readonly type: 'volume'
      readonly name: string
      readonly target: string
      readonly readonly: boolean
      /** It was made for this container and goes with it when asked to. */
      readonly anonymous: boolean
      /** A directory or file in the volume, in place of all of it. */
      readonly subpath?: string
      /** Fill it from the image when it is empty at the first start with it. */
      readonly copyUp: boolean
      /** The run from which on the container has it; absent is the first. */
      readonly since?: number
    }
  | { readonly type: 'tmpfs'; readonly target: string; readonly options: readonly string[] }
  | {
      /** The files of an image, read-only. */
      readonly type: 'image'
      /** As it was asked for. */
      readonly image: string
      /** Its name among the snapshots: the layers stay while the container does, whatever becomes of the image. */
      readonly snapshot: string
      readonly target: string
      readonly readonly: true
      readonly subpath?: string
    }

/** A mount as it is asked for: a volume may be without a name yet. */
export type MountRequest =
  | Extract<ContainerMount, { type: 'bind' | 'tmpfs' }>
  | {
      readonly type: 'volume'
      readonly name?: string
      readonly target: string
      readonly readonly: boolean
      readonly copyUp: boolean
      readonly subpath?: string
      readonly labels?: Readonly<Record<string, string>>
    }
  | { readonly type: 'image'; readonly image: string; readonly target: string; readonly subpath?: string }

/** What network a container has. */
export type NetworkChoice =
  | { readonly kind: 'none' }
  | { readonly kind: 'host' }
  | { readonly kind: 'container'; readonly container: string }
  | { readonly kind: 'networks'; readonly networks: readonly NetworkAttachment[] }

/** One network that a container is connected to. */
export interface NetworkAttachment {
  readonly network: string
  readonly aliases: readonly string[]
  readonly address?: string
  readonly address6?: string
  readonly mac?: string
  /** The network with the highest leads out; of several the first. Absent is 0. */
  readonly gatewayPriority?: number
}

/** A container port that the host passes on. Without a host port, a free one is taken at start. */
export interface PublishedPort {
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly hostIp?: string
  readonly hostPort?: number
  /** With `hostPort`: the first free one from it to this. */
  readonly lastHostPort?: number
}

/** What becomes of a container's output. */
export interface LogChoice {
  readonly driver: 'local' | 'json-file' | 'journald' | 'none'
  /** As they were given, and checked: `max-size`, `max-file` and what Docker knows beside them. */
  readonly options: Readonly<Record<string, string>>
}

/** Limits of the container's processes, in bytes and processors; absent is the kernel's default. */
export interface Resources extends ResourceLimits {
  readonly shmSize?: number
  readonly oomScoreAdj?: number
  /** 10 to 1000. */
  readonly blkioWeight?: number
  readonly blkioWeightDevices?: readonly { readonly path: string; readonly weight: number }[]
  readonly blkioRates?: readonly BlockRate[]
  readonly ulimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[]
}

/** What a container may do to a block device of the host in a second: bytes or operations. */
export interface BlockRate {
  readonly path: string
  readonly what: 'readBytes' | 'writeBytes' | 'readOperations' | 'writeOperations'
  readonly rate: number
}

/** What a container may do. */
export interface Security {
  readonly privileged: boolean
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly noNewPrivileges: boolean
  /** The default profile, none, or the JSON of one. */
  readonly seccomp: 'default' | 'unconfined' | { readonly profile: string }
  readonly apparmor?: string
  readonly groupAdd: readonly string[]
  readonly devices: readonly { readonly source: string; readonly target: string; readonly access: string }[]
  /** Devices by their names of the Container Device Interface: `vendor.com/class=name`. */
  readonly cdi?: readonly string[]
  /** All GPUs that this machine describes, the first so many, or some by their names. */
  readonly gpus?: 'all' | number | readonly string[]
  /** Rules of the device cgroup, as the kernel writes them: `c 10:200 rwm`, `b *:* r`. */
  readonly deviceRules?: readonly string[]
  readonly maskedPaths?: readonly string[]
  readonly readonlyPaths?: readonly string[]
}

/** A secret that a container is given: as a file in memory, or as a variable of its process. */
export type SecretUse =
  | {
      readonly name: string
      readonly type: 'mount'
      /** Absolute. */
      readonly target: string
      readonly mode: number
      readonly uid: number
      readonly gid: number
    }
  | { readonly name: string; readonly type: 'env'; readonly target: string }

/** Which namespaces are shared; absent is one of its own. */
export interface NamespaceChoice {
  readonly pid?: 'host' | { readonly container: string }
  readonly ipc?: 'host' | { readonly container: string }
  readonly uts?: 'host'
  readonly cgroup?: 'host' | 'private'
}

/** What to create: everything but the image is optional, and the image's own values hold where nothing is said. */
export interface CreateRequest {
  readonly name?: string
  readonly image: string
  readonly platform?: string
  /** Absent: the image's. Empty: none. A single empty text: none, and the image's command does not hold either. */
  readonly entrypoint?: readonly string[]
  /** Absent or empty: the image's, unless an entrypoint is given. */
  readonly command?: readonly string[]
  /** `NAME=value`, or `NAME` to take one of the image's away. */
  readonly env?: readonly string[]
  readonly user?: string
  readonly workingDirectory?: string
  readonly hostname?: string
  readonly domainname?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly terminal?: boolean
  readonly consoleSize?: { readonly height: number; readonly width: number }
  readonly stdin?: boolean
  readonly stdinOnce?: boolean
  readonly stopSignal?: string
  readonly stopTimeout?: number
  readonly init?: boolean
  readonly readonlyRoot?: boolean
  readonly autoRemove?: boolean
  readonly restart?: RestartPolicy
  /** What is left out holds as the image says. */
  readonly health?: HealthRequest
  readonly mounts?: readonly MountRequest[]
  readonly network?: NetworkChoice
  readonly ports?: readonly PublishedPort[]
  readonly exposed?: readonly string[]
  readonly publishAll?: boolean
  readonly publishMode?: PublishMode
  readonly extraHosts?: readonly string[]
  readonly dns?: Partial<ContainerSpec['dns']>
  readonly resources?: Resources
  /** Driver and options by Docker's names; an empty driver is the default. */
  readonly log?: { readonly driver: string; readonly options: Readonly<Record<string, string>> }
  readonly security?: Partial<Security>
  readonly namespaces?: NamespaceChoice
  readonly users?: UsersRequest
  readonly sysctls?: Readonly<Record<string, string>>
  readonly cgroupParent?: string
  /** Of its processes; absent is the runtime's, 0022. */
  readonly umask?: number
  readonly secrets?: readonly SecretUse[]
  readonly face?: Readonly<Record<string, unknown>>
}
