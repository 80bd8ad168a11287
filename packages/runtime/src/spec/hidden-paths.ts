import { existsSync, readFileSync } from 'node:fs'

const masked: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
]

/** Docker's read-only paths. */
export const readonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
]

let known: readonly string[] | undefined

/** Docker's masked paths, with the thermal throttle counters of this machine's processors. Read once. */
export function maskedPaths(): readonly string[] {
  known ??= [...masked, ...throttlePaths()]
  return known
}

function throttlePaths(): string[] {
  const paths: string[] = []
  for (const cpu of possibleProcessors()) {
    const path = `/sys/devices/system/cpu/cpu${String(cpu)}/thermal_throttle`
    if (existsSync(path)) paths.push(path)
  }
  return paths
}

function possibleProcessors(): number[] {
  let text: string
  try {
    text = readFileSync('/sys/devices/system/cpu/possible', 'utf8')
  } catch {
    return []
  }
  return text
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, index) => first + index)
    })
}
