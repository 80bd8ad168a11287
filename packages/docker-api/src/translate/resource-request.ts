import type { Resources } from '@gantry/engine'
import { badRequest } from '../http/api-failure.ts'
import { defined, type Fields } from './fields.ts'

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
    ulimits: ulimits.length === 0 ? undefined : ulimits,
  })
}
