import type { GroupStats } from './cgroup-reader.ts'
import { parseTable, readNumber, readText } from './files.ts'
import type { Groups } from './group-paths.ts'
import { hostProcessorTime } from './host-processor-time.ts'

// cgroup v1 says "no limit" with a number near 2^63, rounded down to whole pages.
const unlimited = 2 ** 62

/** Statistics from cgroup v1 files. Times there are nanoseconds (cpuacct) and user-mode ticks of 10 ms. */
export async function statsV1(groups: Groups): Promise<GroupStats> {
  const at = (controller: string, name: string): string => `${groups.get(controller) ?? '/nonexistent'}/${name}`
  const [total, ticks, throttling, usage, limit, peak, memory, current, most, bytes, operations] = await Promise.all([
    readNumber(at('cpuacct', 'cpuacct.usage')),
    readText(at('cpuacct', 'cpuacct.stat')),
    readText(at('cpu', 'cpu.stat')),
    readNumber(at('memory', 'memory.usage_in_bytes')),
    readNumber(at('memory', 'memory.limit_in_bytes')),
    readNumber(at('memory', 'memory.max_usage_in_bytes')),
    readText(at('memory', 'memory.stat')),
    readNumber(at('pids', 'pids.current')),
    readNumber(at('pids', 'pids.max')),
    readText(at('blkio', 'blkio.throttle.io_service_bytes_recursive')),
    readText(at('blkio', 'blkio.throttle.io_serviced_recursive')),
  ])
  const cpu = parseTable(throttling ?? '')
  const times = parseTable(ticks ?? '')
  const details = parseTable(memory ?? '')
  return {
    cpu: {
      total: total ?? 0,
      user: (times['user'] ?? 0) * 1e7,
      system: (times['system'] ?? 0) * 1e7,
      periods: cpu['nr_periods'] ?? 0,
      throttledPeriods: cpu['nr_throttled'] ?? 0,
      throttledTime: cpu['throttled_time'] ?? 0,
      ...(await hostProcessorTime()),
    },
    memory: {
      usage: usage ?? 0,
      inactiveFile: details['total_inactive_file'] ?? 0,
      limit: limit === undefined || limit >= unlimited ? undefined : limit,
      peak,
      details,
    },
    pids: { current: current ?? 0, limit: most },
    io: {
      readBytes: sumOf(bytes, 'Read'),
      writeBytes: sumOf(bytes, 'Write'),
      reads: sumOf(operations, 'Read'),
      writes: sumOf(operations, 'Write'),
    },
  }
}

// Lines of "8:0 Read 4096".
function sumOf(text: string | undefined, operation: string): number {
  let sum = 0
  for (const line of text?.split('\n') ?? []) {
    const [, name, value] = line.split(' ')
    if (name === operation) sum += Number(value)
  }
  return sum
}
