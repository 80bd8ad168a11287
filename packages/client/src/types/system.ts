/** The answer of `GET /version`. */
export interface VersionInfo {
  Platform: { Name: string }
  Version: string
  ApiVersion: string
  MinAPIVersion: string
  GitCommit: string
  GoVersion: string
  Os: string
  Arch: string
  KernelVersion: string
  BuildTime: string
  Components: { Name: string; Version: string; Details?: Record<string, string> }[]
}

/** The part of `GET /info` that Gantry answers. */
export interface SystemInfo {
  ID: string
  Containers: number
  ContainersRunning: number
  ContainersPaused: number
  ContainersStopped: number
  Images: number
  Driver: string
  DriverStatus: [string, string][]
  Plugins: { Volume: string[]; Network: string[]; Authorization: string[] | null; Log: string[] }
  MemoryLimit: boolean
  SwapLimit: boolean
  CpuCfsPeriod: boolean
  CpuCfsQuota: boolean
  CPUShares: boolean
  CPUSet: boolean
  PidsLimit: boolean
  IPv4Forwarding: boolean
  Debug: boolean
  NFd: number
  OomKillDisable: boolean
  NGoroutines: number
  SystemTime: string
  LoggingDriver: string
  CgroupDriver: string
  CgroupVersion: string
  NEventsListener: number
  KernelVersion: string
  OperatingSystem: string
  OSVersion: string
  OSType: string
  Architecture: string
  IndexServerAddress: string
  RegistryConfig: object | null
  NCPU: number
  MemTotal: number
  DockerRootDir: string
  HttpProxy: string
  HttpsProxy: string
  NoProxy: string
  Name: string
  Labels: string[]
  ExperimentalBuild: boolean
  ServerVersion: string
  Runtimes: Record<string, { path: string }>
  DefaultRuntime: string
  Swarm: { LocalNodeState: string; NodeID: string; NodeAddr: string; ControlAvailable: boolean; Error: string }
  LiveRestoreEnabled: boolean
  Isolation: string
  InitBinary: string
  SecurityOptions: string[]
  Warnings: string[]
}

/** The answer of `HEAD /_ping`, read from its headers. */
export interface PingInfo {
  apiVersion: string
  osType: string
  server: string
}

/** One event of `GET /events`. */
export interface EventMessage {
  Type: 'container' | 'image' | 'network' | 'volume' | 'daemon' | 'builder' | 'secret'
  Action: string
  Actor: { ID: string; Attributes: Record<string, string> }
  scope: 'local'
  /** Seconds since the epoch. */
  time: number
  timeNano: number
  status?: string
  id?: string
  from?: string
}
