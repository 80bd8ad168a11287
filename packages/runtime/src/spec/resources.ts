import { RuntimeError } from '../runtime-error.ts'
import type { DeviceRule, ResourcesSpec } from './runtime-spec.ts'

/** Limits of a container as people give them. */
export interface ResourceLimits {
  /** Bytes. */
  readonly memory?: number
  /** Bytes of memory and swap together; -1 is no limit. Docker's default is twice the memory, where swap can be limited. */
  readonly memorySwap?: number
  readonly memoryReservation?: number
  /** 0 to 100: how gladly the kernel swaps this memory; cgroup v1 only. */
  readonly memorySwappiness?: number
  /** The kernel waits for memory instead of ending a process; cgroup v1 only. */
  readonly oomKillDisable?: boolean
  /** Processors, fractions allowed: 1.5. */
  readonly cpus?: number
  readonly cpuShares?: number
  /** Microseconds of processor time per `cpuPeriod`; not together with `cpus`. */
  readonly cpuQuota?: number
  readonly cpuPeriod?: number
  /** Microseconds of real-time scheduling per `cpuRtPeriod`; cgroup v1 only. */
  readonly cpuRtRuntime?: number
  readonly cpuRtPeriod?: number
  readonly cpusetCpus?: string
  readonly cpusetMems?: string
  /** Processes and threads; 0 or less is no limit. */
  readonly pids?: number
}

const smallestMemory = 6 * 1024 * 1024

/** Docker's device rules: nothing but the harmless nodes that every container has. */
export const defaultDeviceRules: readonly DeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 5, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 9, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 8, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 0, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 1, access: 'rwm' },
  { allow: false, type: 'c', major: 10, minor: 229, access: 'rwm' },
]

/**
 * Limits in the runtime's form, without device rules.
 * @param limitsSwap whether the host accounts swap to cgroups; without it a swap limit cannot be set and is left out
 * @throws RuntimeError SPEC_INVALID for what no kernel accepts
 */
export function resources(limits: ResourceLimits, limitsSwap: boolean): ResourcesSpec {
  return { ...memory(limits, limitsSwap), ...cpu(limits), ...pids(limits) }
}

function memory(limits: ResourceLimits, limitsSwap: boolean): Pick<ResourcesSpec, 'memory'> {
  const { memory: limit, memoryReservation: reservation, memorySwappiness: swappiness, oomKillDisable } = limits
  if ([limit, reservation, swappiness, oomKillDisable].every((each) => each === undefined)) return {}
  if (limit !== undefined && limit < smallestMemory) {
    throw new RuntimeError('SPEC_INVALID', `Cannot limit memory to ${String(limit)} bytes: 6 MiB is the least`, {
      hint: 'give at least 6m',
    })
  }
  const swap = limits.memorySwap ?? (limit === undefined ? undefined : limit * 2)
  return {
    memory: {
      ...(limit === undefined ? {} : { limit }),
      ...(reservation === undefined ? {} : { reservation }),
      ...(swap === undefined || !limitsSwap ? {} : { swap }),
      ...(swappiness === undefined ? {} : { swappiness }),
      ...(oomKillDisable === undefined ? {} : { disableOOMKiller: oomKillDisable }),
    },
  }
}

function cpu(limits: ResourceLimits): Pick<ResourcesSpec, 'cpu'> {
  const period = limits.cpuPeriod ?? (limits.cpus === undefined ? undefined : 100_000)
  const quota =
    limits.cpus === undefined ? limits.cpuQuota : Math.max(1000, Math.round(limits.cpus * (period ?? 100_000)))
  const values = {
    ...(limits.cpuShares === undefined ? {} : { shares: limits.cpuShares }),
    ...(quota === undefined ? {} : { quota }),
    ...(period === undefined ? {} : { period }),
    ...(limits.cpuRtRuntime === undefined ? {} : { realtimeRuntime: limits.cpuRtRuntime }),
    ...(limits.cpuRtPeriod === undefined ? {} : { realtimePeriod: limits.cpuRtPeriod }),
    ...(limits.cpusetCpus === undefined ? {} : { cpus: limits.cpusetCpus }),
    ...(limits.cpusetMems === undefined ? {} : { mems: limits.cpusetMems }),
  }
  return Object.keys(values).length === 0 ? {} : { cpu: values }
}

function pids(limits: ResourceLimits): Pick<ResourcesSpec, 'pids'> {
  if (limits.pids === undefined || limits.pids <= 0) return {}
  return { pids: { limit: limits.pids } }
}
