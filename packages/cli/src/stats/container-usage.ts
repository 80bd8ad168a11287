import type { StatsSample } from '@gantry/client'
import { humanSize } from '../format/human-size.ts'

/** What a container uses, reckoned from a sample and the one before it. Sizes in bytes, shares in percent. */
export interface ContainerUsage {
  readonly id: string
  readonly name: string
  /** Whether it runs: nothing else is known of one that does not. */
  readonly running: boolean
  /** Of one processor. */
  readonly cpu: number
  /** Without page cache that nobody uses. */
  readonly memory: number
  readonly memoryLimit: number
  readonly received: number
  readonly sent: number
  readonly read: number
  readonly written: number
  readonly pids: number
}

/** Reckons as Docker's clients do. Pure. */
export function usageOf(sample: StatsSample): ContainerUsage {
  const { cpu_stats: now, precpu_stats: before, memory_stats: memory, networks = {} } = sample
  const links = Object.values(networks)
  const cpuTime = now.cpu_usage.total_usage - before.cpu_usage.total_usage
  const hostTime = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0)
  const inactive = memory.stats?.['total_inactive_file'] ?? memory.stats?.['inactive_file'] ?? 0
  const usage = memory.usage ?? 0
  const io = (wanted: string): number =>
    (sample.blkio_stats.io_service_bytes_recursive ?? [])
      .filter(({ op }) => op.toLowerCase() === wanted)
      .reduce((sum, { value }) => sum + value, 0)
  return {
    id: sample.id,
    name: sample.name.replace(/^\//, ''),
    running: memory.usage !== undefined,
    cpu: cpuTime > 0 && hostTime > 0 ? (cpuTime / hostTime) * (now.online_cpus ?? 1) * 100 : 0,
    memory: inactive < usage ? usage - inactive : usage,
    memoryLimit: memory.limit ?? 0,
    received: links.reduce((sum, link) => sum + link.rx_bytes, 0),
    sent: links.reduce((sum, link) => sum + link.tx_bytes, 0),
    read: io('read'),
    written: io('write'),
    pids: sample.pids_stats.current ?? 0,
  }
}

/** A row of the table as Docker prints it; of a container that does not run, `--` for each. */
export function usageTexts(row: ContainerUsage): {
  readonly cpu: string
  readonly memory: string
  readonly memoryShare: string
  readonly network: string
  readonly blockIo: string
  readonly pids: string
} {
  if (!row.running) return { cpu: '--', memory: '-- / --', memoryShare: '--', network: '--', blockIo: '--', pids: '--' }
  const share = row.memoryLimit === 0 ? 0 : (row.memory / row.memoryLimit) * 100
  return {
    cpu: `${row.cpu.toFixed(2)}%`,
    memory: `${binarySize(row.memory)} / ${binarySize(row.memoryLimit)}`,
    memoryShare: `${share.toFixed(2)}%`,
    network: `${humanSize(row.received)} / ${humanSize(row.sent)}`,
    blockIo: `${humanSize(row.read)} / ${humanSize(row.written)}`,
    pids: String(row.pids),
  }
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** In powers of 1024 with four digits, as Docker prints memory. */
function binarySize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${String(Number(value.toPrecision(4)))}${units[unit] ?? ''}`
}
