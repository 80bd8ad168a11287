import type { GroupStats } from './cgroup-reader.ts'
import { parseTable, readNumber, readText } from './files.ts'
import type { Groups } from './group-paths.ts'
import { hostProcessorTime } from './host-processor-time.ts'

/** Statistics from cgroup v2 files. Times there are microseconds. */
export async function statsV2(groups: Groups): Promise<GroupStats> {
  const directory = groups.get('') ?? '/nonexistent'
  const at = (name: string): string => `${directory}/${name}`
  const [cpuText, usage, limit, peak, memoryText, current, most, ioText] = await Promise.all([
    readText(at('cpu.stat')),
    readNumber(at('memory.current')),
    readNumber(at('memory.max')),
    readNumber(at('memory.peak')),
    readText(at('memory.stat')),
    readNumber(at('pids.current')),
    readNumber(at('pids.max')),
    readText(at('io.stat')),
  ])
  const cpu = parseTable(cpuText ?? '')
  const details = parseTable(memoryText ?? '')
  const nanoseconds = (name: string): number => (cpu[name] ?? 0) * 1000
  return {
    cpu: {
      total: nanoseconds('usage_usec'),
      user: nanoseconds('user_usec'),
      system: nanoseconds('system_usec'),
      periods: cpu['nr_periods'] ?? 0,
      throttledPeriods: cpu['nr_throttled'] ?? 0,
      throttledTime: nanoseconds('throttled_usec'),
      ...(await hostProcessorTime()),
    },
    memory: { usage: usage ?? 0, inactiveFile: details['inactive_file'] ?? 0, limit, peak, details },
    pids: { current: current ?? 0, limit: most },
    io: parseIo(ioText ?? ''),
  }
}

// Lines of "8:0 rbytes=1 wbytes=2 rios=3 wios=4 …".
function parseIo(text: string): GroupStats['io'] {
  const sums: Record<string, number> = {}
  for (const word of text.split(/\s+/)) {
    const [name, value] = word.split('=')
    if (name !== undefined && value !== undefined) sums[name] = (sums[name] ?? 0) + Number(value)
  }
  return {
    readBytes: sums['rbytes'] ?? 0,
    writeBytes: sums['wbytes'] ?? 0,
    reads: sums['rios'] ?? 0,
    writes: sums['wios'] ?? 0,
  }
}
