import type { SecretRequest } from './secret.ts'
/** A health check as images and containers configure it. Times are nanoseconds. */
export interface HealthConfig {
  Test?: string[]
  Interval?: number
  Timeout?: number
  StartPeriod?: number
  StartInterval?: number
  Retries?: number
  /** Gantry's own: what is done when it has become unhealthy. Docker has nothing of the kind. */
  OnFailure?: 'none' | 'kill' | 'restart' | 'stop'
}

/** The portable half of a container's configuration: what the image could also have said. */
export interface ContainerConfig {
  Hostname?: string
  Domainname?: string
  User?: string
  AttachStdin?: boolean
  AttachStdout?: boolean
  AttachStderr?: boolean
  ExposedPorts?: Record<string, object>
  Tty?: boolean
  OpenStdin?: boolean
  StdinOnce?: boolean
  Env?: string[]
  Cmd?: string[] | null
  Entrypoint?: string[] | null
  Healthcheck?: HealthConfig
  ArgsEscaped?: boolean
  Image?: string
  Volumes?: Record<string, object> | null
  WorkingDir?: string
  NetworkDisabled?: boolean
  MacAddress?: string
  OnBuild?: string[] | null
  Labels?: Record<string, string> | null
  StopSignal?: string
  StopTimeout?: number
  Shell?: string[]
}

/** One published address of a container port. An empty HostPort asks for a free one. */
export interface PortBinding {
  HostIp?: string
  HostPort?: string
}

/** Published ports by container port, as in `"80/tcp": [{"HostPort": "8080"}]`. */
export type PortMap = Record<string, PortBinding[] | null>

/** What to do when a container exits. */
export interface RestartPolicy {
  Name?: '' | 'no' | 'always' | 'unless-stopped' | 'on-failure'
  MaximumRetryCount?: number
}

/** A mount in the long form (`--mount`). */
export interface Mount {
  Type: 'bind' | 'volume' | 'tmpfs' | 'image' | 'npipe' | 'cluster'
  Source?: string
  Target: string
  ReadOnly?: boolean
  Consistency?: string
  BindOptions?: {
    Propagation?: string
    NonRecursive?: boolean
    CreateMountpoint?: boolean
    ReadOnlyNonRecursive?: boolean
    ReadOnlyForceRecursive?: boolean
    /** Gantry's own: its owners are mapped as the container's users are. */
    IDMap?: boolean
  }
  ImageOptions?: { Subpath?: string }
  VolumeOptions?: { NoCopy?: boolean; Labels?: Record<string, string>; Subpath?: string; DriverConfig?: object }
  TmpfsOptions?: { SizeBytes?: number; Mode?: number; Options?: string[][] }
}

/** A resource limit in the manner of `ulimit`. */
export interface Ulimit {
  Name: string
  Soft: number
  Hard: number
}

/** A host device that a container is given. */
export interface DeviceMapping {
  PathOnHost: string
  PathInContainer: string
  CgroupPermissions: string
}

/** The half of a container's configuration that belongs to this host. */
export interface HostConfig {
  Binds?: string[] | null
  ContainerIDFile?: string
  LogConfig?: { Type?: string; Config?: Record<string, string> | null }
  NetworkMode?: string
  PortBindings?: PortMap | null
  /** Gantry's own: `nat` (default) or `proxy`. */
  PublishMode?: string
  RestartPolicy?: RestartPolicy
  AutoRemove?: boolean
  VolumeDriver?: string
  VolumesFrom?: string[] | null
  Mounts?: Mount[] | null
  ConsoleSize?: number[]
  Annotations?: Record<string, string>
  CapAdd?: string[] | null
  CapDrop?: string[] | null
  CgroupnsMode?: string
  Dns?: string[] | null
  DnsOptions?: string[] | null
  DnsSearch?: string[] | null
  ExtraHosts?: string[] | null
  GroupAdd?: string[] | null
  IpcMode?: string
  OomScoreAdj?: number
  PidMode?: string
  Privileged?: boolean
  PublishAllPorts?: boolean
  ReadonlyRootfs?: boolean
  SecurityOpt?: string[] | null
  StorageOpt?: Record<string, string>
  Tmpfs?: Record<string, string> | null
  UTSMode?: string
  /** Octal; Docker does not have it. */
  Umask?: string
  /** Podman's words, which Docker's `host` is one of: `auto`, `keep-id`, with options after a colon. */
  UsernsMode?: string
  /** As Podman shows it. */
  IDMappings?: IDMappings
  ShmSize?: number
  Sysctls?: Record<string, string> | null
  Runtime?: string
  Isolation?: string
  CpuShares?: number
  Memory?: number
  NanoCpus?: number
  CgroupParent?: string
  BlkioWeight?: number
  BlkioWeightDevice?: { Path: string; Weight: number }[] | null
  BlkioDeviceReadBps?: BlockDeviceRate[] | null
  BlkioDeviceWriteBps?: BlockDeviceRate[] | null
  BlkioDeviceReadIOps?: BlockDeviceRate[] | null
  BlkioDeviceWriteIOps?: BlockDeviceRate[] | null
  CpuRealtimePeriod?: number
  CpuRealtimeRuntime?: number
  DeviceCgroupRules?: string[] | null
  CpuPeriod?: number
  CpuQuota?: number
  CpusetCpus?: string
  CpusetMems?: string
  Devices?: DeviceMapping[] | null
  DeviceRequests?: DeviceRequest[] | null
  /** Gantry's own: secrets without Swarm. */
  Secrets?: SecretRequest[] | null
  MemoryReservation?: number
  MemorySwap?: number
  MemorySwappiness?: number | null
  OomKillDisable?: boolean | null
  PidsLimit?: number | null
  Ulimits?: Ulimit[] | null
  Init?: boolean | null
  MaskedPaths?: string[] | null
  ReadonlyPaths?: string[] | null
}

/** Devices that are asked for by what they are. */
export interface DeviceRequest {
  Driver?: string
  /** -1 is all. */
  Count?: number
  DeviceIDs?: string[] | null
  Capabilities?: string[][] | null
}

/** What a block device of the host may do in a second. */
export interface BlockDeviceRate {
  Path: string
  Rate: number
}

/** How a container is connected to one network. */
export interface EndpointSettings {
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string } | null
  Links?: string[] | null
  Aliases?: string[] | null
  MacAddress?: string
  DriverOpts?: Record<string, string> | null
  /** The network with the highest leads out. */
  GwPriority?: number
  NetworkID?: string
  EndpointID?: string
  Gateway?: string
  IPAddress?: string
  IPPrefixLen?: number
  IPv6Gateway?: string
  GlobalIPv6Address?: string
  GlobalIPv6PrefixLen?: number
  DNSNames?: string[] | null
}

/** The body of `POST /containers/create`. */
export interface ContainerCreateBody extends ContainerConfig {
  HostConfig?: HostConfig
  NetworkingConfig?: { EndpointsConfig?: Record<string, EndpointSettings | null> | null }
}

/** The answer of `POST /containers/create`. */
export interface ContainerCreated {
  Id: string
  Warnings: string[]
}

/** The seven words Docker has for where a container is in its life. */
export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'

/** A published port in `GET /containers/json`. */
export interface PortSummary {
  IP?: string
  PrivatePort: number
  PublicPort?: number
  Type: string
}

/** A mount of an existing container. */
export interface MountPoint {
  Type: string
  Name?: string
  Source: string
  Destination: string
  Driver?: string
  Mode: string
  RW: boolean
  Propagation: string
}

/** One row of `GET /containers/json`. */
export interface ContainerSummary {
  Id: string
  Names: string[]
  Image: string
  ImageID: string
  Command: string
  /** Seconds since the epoch. */
  Created: number
  Ports: PortSummary[]
  Labels: Record<string, string>
  State: ContainerStatus
  /** For people, as in `Up 3 minutes`. */
  Status: string
  SizeRw?: number
  SizeRootFs?: number
  HostConfig: { NetworkMode?: string; Annotations?: Record<string, string> }
  NetworkSettings: { Networks: Record<string, EndpointSettings> }
  Mounts: MountPoint[]
}

/** The state within `GET /containers/{id}/json`. */
export interface ContainerState {
  Status: ContainerStatus
  Running: boolean
  Paused: boolean
  Restarting: boolean
  OOMKilled: boolean
  Dead: boolean
  Pid: number
  ExitCode: number
  Error: string
  /** RFC 3339 with nanoseconds; year 1 when it never started. */
  StartedAt: string
  FinishedAt: string
  /** Of a container with a health check. */
  Health?: ContainerHealth
}

/** What health checks have found out about a container. */
export interface ContainerHealth {
  Status: 'starting' | 'healthy' | 'unhealthy'
  FailingStreak: number
  /** The last five checks, oldest first. Times are RFC 3339. */
  Log: { Start: string; End: string; ExitCode: number; Output: string }[]
}

/** The answer of `GET /containers/{id}/json`. */
export interface ContainerInspect {
  Id: string
  Created: string
  Path: string
  Args: string[]
  State: ContainerState
  Image: string
  ResolvConfPath: string
  HostnamePath: string
  HostsPath: string
  LogPath: string
  /** The form of the files at LogPath, whatever the driver is called; not Docker's. Empty when there are none. */
  LogFormat: 'k8s-file' | ''
  Name: string
  RestartCount: number
  Driver: string
  Platform: string
  MountLabel: string
  ProcessLabel: string
  AppArmorProfile: string
  ExecIDs: string[] | null
  HostConfig: HostConfig
  GraphDriver: { Name: string; Data: Record<string, string> | null }
  SizeRw?: number
  SizeRootFs?: number
  Mounts: MountPoint[]
  Config: ContainerConfig
  NetworkSettings: {
    Bridge: string
    SandboxID: string
    SandboxKey: string
    Ports: PortMap
    EndpointID: string
    Gateway: string
    IPAddress: string
    IPPrefixLen: number
    MacAddress: string
    IPv6Gateway: string
    GlobalIPv6Address: string
    GlobalIPv6PrefixLen: number
    Networks: Record<string, EndpointSettings>
  }
}

/** When `wait` answers. */
export type WaitCondition = 'not-running' | 'next-exit' | 'removed'

/** The answer of `POST /containers/{id}/wait`. */
export interface WaitResult {
  StatusCode: number
  Error?: { Message: string } | null
}

/** The answer of `GET /containers/{id}/top`. */
export interface TopResult {
  Titles: string[]
  Processes: string[][]
}

/** One sample of `GET /containers/{id}/stats`. Times are nanoseconds, memory is bytes. */
export interface StatsSample {
  id: string
  name: string
  read: string
  preread: string
  pids_stats: { current?: number; limit?: number }
  cpu_stats: CpuStats
  precpu_stats: CpuStats
  memory_stats: { usage?: number; limit?: number; stats?: Record<string, number> }
  blkio_stats: { io_service_bytes_recursive: { major: number; minor: number; op: string; value: number }[] | null }
  networks?: Record<string, NetworkStats>
}

/** Processor time within a stats sample. */
export interface CpuStats {
  cpu_usage: { total_usage: number; usage_in_kernelmode: number; usage_in_usermode: number }
  system_cpu_usage?: number
  online_cpus?: number
  throttling_data?: { periods: number; throttled_periods: number; throttled_time: number }
}

/** One interface within a stats sample. */
export interface NetworkStats {
  rx_bytes: number
  rx_packets: number
  rx_errors: number
  rx_dropped: number
  tx_bytes: number
  tx_packets: number
  tx_errors: number
  tx_dropped: number
}

/** What has a path in a container. */
export interface ContainerPathStat {
  name: string
  size: number
  /** Bits of Go's `os.FileMode`: 2³¹ is a directory, 2²⁷ a symbolic link, the lowest nine are permissions. */
  mode: number
  mtime: string
  /** Of a symbolic link: where it leads, within the container. */
  linkTarget: string
}

/** One entry of `GET /containers/{id}/changes`. */
export interface ContainerChange {
  Path: string
  /** 0 modified, 1 added, 2 deleted. */
  Kind: 0 | 1 | 2
}

/** How a container becomes an image. */
export interface CommitRequest {
  repo?: string
  tag?: string
  author?: string
  comment?: string
  /** Default: true. */
  pause?: boolean
  /** Dockerfile instructions. */
  changes?: readonly string[]
}

/** The users of a container with a user namespace. */
export interface IDMappings {
  /** `container:host:amount` each. */
  UidMap?: string[]
  GidMap?: string[]
  /** When creating: whose lines of /etc/subuid and /etc/subgid are the map. */
  SubuidName?: string
  SubgidName?: string
  /** When creating: who asks, as `uid:gid`; `keep-id` keeps these. */
  Caller?: string
}
