import type { HealthConfig, HostConfig } from './container.ts'

/** Changes of a container that exists: limits and a restart policy as Docker has them, and what Docker cannot change. */
export interface ContainerEditBody extends Pick<
  HostConfig,
  | 'CpuShares'
  | 'Memory'
  | 'NanoCpus'
  | 'CpuPeriod'
  | 'CpuQuota'
  | 'CpusetCpus'
  | 'CpusetMems'
  | 'MemoryReservation'
  | 'MemorySwap'
  | 'PidsLimit'
  | 'Ulimits'
  | 'RestartPolicy'
  | 'PortBindings'
  | 'Binds'
  | 'Mounts'
> {
  /** What is not said of the check stays; a test of `NONE` takes it away. */
  Healthcheck?: HealthConfig
  /** Variables to set; null takes one away. */
  Env?: Record<string, string | null>
  /** Labels to set; null takes one away. */
  Labels?: Record<string, string | null>
  /** Ports of the container, as in `80/tcp`. */
  Unpublish?: string[]
  /** Places in the container. */
  Unmount?: string[]
}

/** What an edit came to. */
export interface ContainerEdited {
  /** What has changed at once. */
  Live: string[]
  /** What changes at the next start. */
  AtStart: string[]
  Running: boolean
}
