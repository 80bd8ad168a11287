import { readdir } from 'node:fs/promises'
import { Gauge } from './gauge.ts'
import type { Metric } from './metric.ts'

/** What Prometheus expects of every process, and a little of Node. */
export function processMetrics(): readonly Metric[] {
  const started = Date.now() / 1000 - process.uptime()
  return [
    new Gauge(
      { name: 'process_cpu_seconds_total', help: 'User and system time of the process.', type: 'counter' },
      () => {
        const { user, system } = process.cpuUsage()
        return (user + system) / 1e6
      },
    ),
    new Gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory.' }, () => process.memoryUsage.rss()),
    new Gauge({ name: 'process_start_time_seconds', help: 'Start of the process since the epoch.' }, () => started),
    new Gauge({ name: 'process_open_fds', help: 'Open file descriptors.' }, async () => {
      return (await readdir('/proc/self/fd')).length
    }),
    new Gauge({ name: 'nodejs_heap_size_used_bytes', help: 'Used part of the JavaScript heap.' }, () => {
      return process.memoryUsage().heapUsed
    }),
  ]
}
