import type { ResourceLimits } from '@gantry/runtime'

/** Limits of each RUN. They are no part of what a step is: a result that was made under others is used. */
export interface RunLimits extends Pick<
  ResourceLimits,
  'memory' | 'memorySwap' | 'cpuShares' | 'cpuPeriod' | 'cpuQuota' | 'cpusetCpus' | 'cpusetMems'
> {
  /** Bytes of /dev/shm. Default: 64 MiB. */
  readonly shmSize?: number
  /** As `ulimit` has them: `nofile`. */
  readonly ulimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[]
}
