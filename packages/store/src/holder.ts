import { readFileSync } from 'node:fs'

/**
 * A process of this machine, told apart from every other that ever had its number: number, start time in clock ticks, and
 * the boot it belongs to.
 */
export type Holder = string

/** This process. */
export function currentHolder(): Holder {
  return `${process.pid}.${startTime(process.pid) ?? 0}.${bootId()}`
}

/** Whether the process still lives. A text that is no holder counts as alive: what we cannot read is not ours to remove. */
export function isHolderAlive(holder: Holder): boolean {
  const [, pid, start, boot] = /^(\d+)\.(\d+)\.([0-9a-f-]+)$/.exec(holder) ?? []
  if (pid === undefined || start === undefined) return true
  return boot === bootId() && startTime(Number(pid)) === Number(start)
}

/** Whether the text names a process, of which can be told whether it lives. */
export function isHolder(text: string): boolean {
  return /^\d+\.\d+\.[0-9a-f-]+$/.test(text)
}

/** Whether the process lives, or lived, since the machine was last started. A text that is no holder counts as such. */
export function isOfThisBoot(holder: Holder): boolean {
  const [, boot] = /^\d+\.\d+\.([0-9a-f-]+)$/.exec(holder) ?? []
  return boot === undefined || boot === bootId()
}

let knownBootId: string | undefined

/** Tells the time since the machine was started from every other such time. */
export function bootId(): string {
  knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  return knownBootId
}

function startTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the command in parentheses and may hold anything; the start time is the 22nd.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  } catch {
    return undefined
  }
}
