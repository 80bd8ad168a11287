import type { RunLimits } from '@gantry/builder'
import { ulimitOf } from '../container/ulimit-of.ts'

/** The flags that limit what a RUN may use. */
export interface LimitFlags {
  readonly 'cpu-period': number | undefined
  readonly 'cpu-quota': number | undefined
  readonly 'cpu-shares': number | undefined
  readonly 'cpuset-cpus': string | undefined
  readonly 'cpuset-mems': string | undefined
  readonly memory: number | undefined
  readonly 'memory-swap': number | undefined
  readonly 'shm-size': number | undefined
  readonly ulimit: readonly string[]
}

/** Limits of each RUN; undefined when there are none. @throws CliError INVALID */
export function readLimits(flags: LimitFlags): RunLimits | undefined {
  const limits = {
    memory: flags.memory,
    memorySwap: flags['memory-swap'],
    cpuShares: flags['cpu-shares'],
    cpuPeriod: flags['cpu-period'],
    cpuQuota: flags['cpu-quota'],
    cpusetCpus: flags['cpuset-cpus'],
    cpusetMems: flags['cpuset-mems'],
    shmSize: flags['shm-size'],
    ulimits:
      flags.ulimit.length === 0
        ? undefined
        : flags.ulimit.map(ulimitOf).map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
  }
  const given = Object.entries(limits).filter(([, value]) => value !== undefined)
  return given.length === 0 ? undefined : Object.fromEntries(given)
}
