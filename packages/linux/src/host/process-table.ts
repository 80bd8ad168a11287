import { readFileSync, statSync } from 'node:fs'

/** What `ps -ef` tells of a process. */
export interface ProcessRow {
  readonly pid: number
  readonly ppid: number
  /** Who runs it, by number. */
  readonly uid: number
  /** Seconds of processor time, of user and kernel. */
  readonly cpuSeconds: number
  /** Milliseconds since 1970, to the hundredth of a second. */
  readonly startedAt: number
  /** Such as `pts/0`; undefined without a terminal. */
  readonly terminal: string | undefined
  /** Its arguments, or its name in brackets when it has none, as kernel threads and zombies. */
  readonly command: string
}

// USER_HZ is 100 on every architecture that Node runs on.
const ticksPerSecond = 100

/** Reads some processes of this machine from /proc; those that have ended by now are left out. */
export function readProcesses(pids: readonly number[]): readonly ProcessRow[] {
  const booted = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? 0)
  return pids.flatMap((pid) => {
    try {
      const directory = `/proc/${String(pid)}`
      const { uid } = statSync(directory)
      const stat = readFileSync(`${directory}/stat`, 'utf8')
      return [processRow({ booted, uid, stat, commandLine: readFileSync(`${directory}/cmdline`, 'utf8') })]
    } catch {
      return []
    }
  })
}

/** Makes a row of the texts of `/proc/PID/stat` and `/proc/PID/cmdline`. */
export function processRow(texts: {
  /** Seconds since 1970 at which the machine was started. */
  readonly booted: number
  readonly uid: number
  readonly stat: string
  readonly commandLine: string
}): ProcessRow {
  const { booted, uid, stat, commandLine } = texts
  // The second field, the program's name in parentheses, may hold spaces and parentheses.
  const end = stat.lastIndexOf(')')
  const fields = stat.slice(end + 2).split(' ')
  const field = (number: number): number => Number(fields[number - 3] ?? 0)
  const words = commandLine.split('\0').filter((word) => word !== '')
  return {
    pid: Number.parseInt(stat, 10),
    ppid: field(4),
    uid,
    cpuSeconds: (field(14) + field(15)) / ticksPerSecond,
    startedAt: (booted + field(22) / ticksPerSecond) * 1000,
    terminal: terminalOf(field(7)),
    command: words.length === 0 ? `[${stat.slice(stat.indexOf('(') + 1, end)}]` : words.join(' '),
  }
}

/** A terminal's name by its device number, as the kernel packs it into `stat`. */
function terminalOf(device: number): string | undefined {
  const major = (device >> 8) & 0xfff
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00)
  if (major >= 136 && major <= 143) return `pts/${String(((major - 136) << 20) | minor)}`
  if (major === 4) return minor < 64 ? `tty${String(minor)}` : `ttyS${String(minor - 64)}`
  return undefined
}
