import { readFileSync } from 'node:fs'
import { processStartTime } from '@gantry/linux'
import type { ProcessIdentity } from './task-files.ts'

/** The process whose number a PID file holds; undefined when the file or the process is not there. */
export function identityFromFile(path: string): ProcessIdentity | undefined {
  let pid: number
  try {
    pid = Number.parseInt(readFileSync(path, 'utf8'), 10)
  } catch {
    return undefined
  }
  return Number.isNaN(pid) ? undefined : identityOf(pid)
}

/** What tells a process from a later one of the same number; undefined when there is none. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const startTime = processStartTime(pid)
  return startTime === undefined ? undefined : { pid, startTime }
}
