import type { CpuStats, StatsSample } from '@gantry/client'
import type { ContainerRecord, Engine } from '@gantry/engine'
import { never, timeText } from './times.ts'

type Sample = Awaited<ReturnType<Engine['stats']>>

/** One sample of `GET /containers/{id}/stats`, with the one before, from which clients reckon a share of processor time. */
export function statsSample(
  { record, stats }: Sample,
  { before, hostMemory }: { before?: Sample; hostMemory: number },
): StatsSample {
  return {
    ...identity(record),
    read: timeText(stats?.at),
    preread: before?.stats === undefined ? never : timeText(before.stats.at),
    pids_stats:
      stats === undefined
        ? {}
        : { current: stats.pids.current, ...(stats.pids.limit === undefined ? {} : { limit: stats.pids.limit }) },
    cpu_stats: cpu(stats),
    precpu_stats: cpu(before?.stats),
    memory_stats: memory(stats, hostMemory),
    blkio_stats: {
      io_service_bytes_recursive:
        stats === undefined
          ? null
          : [
              { major: 0, minor: 0, op: 'read', value: stats.io.readBytes },
              { major: 0, minor: 0, op: 'write', value: stats.io.writeBytes },
            ],
    },
    ...(stats === undefined ? {} : { networks: networks(stats.network) }),
  }
}

function identity({ id, name }: ContainerRecord): { id: string; name: string } {
  return { id, name: `/${name}` }
}

function cpu(stats: Sample['stats']): CpuStats {
  if (stats === undefined) return { cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 } }
  return {
    cpu_usage: {
      total_usage: stats.cpu.total,
      usage_in_kernelmode: stats.cpu.system,
      usage_in_usermode: stats.cpu.user,
    },
    system_cpu_usage: stats.cpu.host,
    online_cpus: stats.cpu.online,
    throttling_data: {
      periods: stats.cpu.periods,
      throttled_periods: stats.cpu.throttledPeriods,
      throttled_time: stats.cpu.throttledTime,
    },
  }
}

function memory(stats: Sample['stats'], hostMemory: number): StatsSample['memory_stats'] {
  if (stats === undefined) return {}
  return {
    usage: stats.memory.usage,
    limit: stats.memory.limit ?? hostMemory,
    stats: { ...stats.memory.details, inactive_file: stats.memory.inactiveFile },
  }
}

function networks(links: NonNullable<Sample['stats']>['network']): NonNullable<StatsSample['networks']> {
  return Object.fromEntries(
    Object.entries(links).map(([name, link]) => [
      name,
      {
        rx_bytes: link.rxBytes,
        rx_packets: link.rxPackets,
        rx_errors: link.rxErrors,
        rx_dropped: link.rxDropped,
        tx_bytes: link.txBytes,
        tx_packets: link.txPackets,
        tx_errors: link.txErrors,
        tx_dropped: link.txDropped,
      },
    ]),
  )
}
