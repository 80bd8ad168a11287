import { readFileSync } from 'node:fs'

/** A process that cannot be mistaken for a later one with the same PID. */
export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTime: string
}

/** The start time of a process, or undefined when there is none with this PID, or only a zombie. */
export function processStartTime(pid: number): string | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
  } catch {
    return undefined
  }
  // The second field, the program's name in parentheses, may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

/** Whether exactly this process runs. A zombie does not. */
export function isAlive(process: ProcessIdentity): boolean {
  return processStartTime(process.pid) === process.startTime
}

let boot: string | undefined

/** What tells this uptime of the machine from every other. */
export function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return boot
}
