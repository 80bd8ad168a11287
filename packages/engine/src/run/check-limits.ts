import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Host } from '@gantry/linux'
import type { Resources } from '../container/spec.ts'
import { EngineError } from '../engine-error.ts'

/** Limits that some kernels have and others have not: the option that asks for one, and the files of v1 and v2 that take it. */
const files: readonly (readonly [
  option: string,
  isAsked: (resources: Resources) => boolean,
  v1: string,
  v2: string,
])[] = [
  [
    '--blkio-weight',
    ({ blkioWeight }) => blkioWeight !== undefined,
    'blkio.weight blkio.bfq.weight',
    'io.weight io.bfq.weight',
  ],
  [
    '--blkio-weight-device',
    ({ blkioWeightDevices = [] }) => blkioWeightDevices.length > 0,
    'blkio.weight_device blkio.bfq.weight_device',
    'io.weight io.bfq.weight',
  ],
  [
    '--device-read-bps and the like',
    ({ blkioRates = [] }) => blkioRates.length > 0,
    'blkio.throttle.read_bps_device',
    'io.max',
  ],
  ['--memory-swappiness', ({ memorySwappiness }) => memorySwappiness !== undefined, 'memory.swappiness', ''],
  ['--oom-kill-disable', ({ oomKillDisable }) => oomKillDisable === true, 'memory.oom_control', ''],
  ['--cpu-rt-runtime', ({ cpuRtRuntime }) => cpuRtRuntime !== undefined, 'cpu.rt_runtime_us', ''],
  ['--cpu-rt-period', ({ cpuRtPeriod }) => cpuRtPeriod !== undefined, 'cpu.rt_period_us', ''],
]

/** Refuses limits that this kernel does not have: one that is silently not there is worse than none. @throws EngineError NOT_SUPPORTED, SPEC_INVALID */
export function checkLimits({ cgroup }: Pick<Host, 'cgroup'>, resources: Resources): void {
  for (const [option, isAsked, v1, v2] of files) {
    if (!isAsked(resources)) continue
    // Only groups below the root show what v2 has: there the runtime tells.
    if (cgroup.mode === 'v2' && v2 !== '') continue
    const names = cgroup.mode === 'v2' ? [] : v1.split(' ')
    if (names.some((name) => cgroup.hierarchies.some((root) => existsSync(join(root, name))))) continue
    throw new EngineError(
      'NOT_SUPPORTED',
      `Cannot limit it by ${option}: the control groups of this kernel do not have that`,
      {
        hint:
          names.length === 0
            ? 'cgroup v2 has nothing in its place: leave it out'
            : `it would be in ${names.join(' or ')}`,
      },
    )
  }
  const { blkioWeight = 10, memorySwappiness = 0, blkioWeightDevices = [] } = resources
  const weights = [blkioWeight, ...blkioWeightDevices.map(({ weight }) => weight)]
  if (weights.some((weight) => weight < 10 || weight > 1000))
    throw new EngineError('SPEC_INVALID', `Range of blkio weight is from 10 to 1000`)
  if (memorySwappiness < 0 || memorySwappiness > 100)
    throw new EngineError('SPEC_INVALID', `Invalid value: ${memorySwappiness}, valid memory swappiness range is 0-100`)
}
