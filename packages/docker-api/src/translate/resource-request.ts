import type { Resources } from '@gantry/engine'
import { badRequest } from '../http/api-failure.ts'
import { defined, type Fields } from './fields.ts'

const blockRates = {
  BlkioDeviceReadBps: 'readBytes',
  BlkioDeviceWriteBps: 'writeBytes',
  BlkioDeviceReadIOps: 'readOperations',
  BlkioDeviceWriteIOps: 'writeOperations',
} as const

/** Reads limits; 0 is no limit. @throws ApiFailure 400 */
export function resourcesOf(host: Fields): Resources {
  const positive = (name: string): number | undefined => host.number(name) || undefined
  const nano = positive('NanoCpus')
  if (nano !== undefined && (positive('CpuQuota') !== undefined || positive('CpuPeriod') !== undefined))
    throw badRequest('Conflicting options: Nano CPUs and CPU Period/Quota cannot both be set')
  const ulimits = host.objects('Ulimits').map((limit) => ({
    name: limit.text('Name') ?? '',
    soft: limit.number('Soft') ?? 0,
    hard: limit.number('Hard') ?? 0,
  }))
  const swappiness = host.number('MemorySwappiness')
  const weights = host
    .objects('BlkioWeightDevice')
    .map((device) => ({ path: device.text('Path') ?? '', weight: device.number('Weight') ?? 0 }))
  const rates = Object.entries(blockRates).flatMap(([name, what]) =>
    host.objects(name).map((each) => ({ path: each.text('Path') ?? '', what, rate: each.number('Rate') ?? 0 })),
  )
  return defined({
    memory: positive('Memory'),
    memoryReservation: positive('MemoryReservation'),
    memorySwap: positive('MemorySwap'),
    cpus: nano === undefined ? undefined : nano / 1e9,
    cpuShares: positive('CpuShares'),
    cpuPeriod: positive('CpuPeriod'),
    cpuQuota: positive('CpuQuota'),
    cpusetCpus: host.text('CpusetCpus') || undefined,
    cpusetMems: host.text('CpusetMems') || undefined,
    pids: positive('PidsLimit'),
    shmSize: positive('ShmSize'),
    oomScoreAdj: positive('OomScoreAdj'),
    memorySwappiness: swappiness === -1 ? undefined : swappiness,
    oomKillDisable: host.flag('OomKillDisable') || undefined,
    cpuRtPeriod: positive('CpuRealtimePeriod'),
    cpuRtRuntime: positive('CpuRealtimeRuntime'),
    blkioWeight: positive('BlkioWeight'),
    blkioWeightDevices: weights.length === 0 ? undefined : weights,
    blkioRates: rates.length === 0 ? undefined : rates,
    ulimits: ulimits.length === 0 ? undefined : ulimits,
  })
}
