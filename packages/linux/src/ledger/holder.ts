import { bootId, isAlive, processStartTime } from '../sys/process-identity.ts'
import type { Holder } from './ledger.ts'

/** This process, as a holder. */
export function thisHolder(): Holder {
  return { pid: process.pid, startTime: processStartTime(process.pid) ?? '0', bootId: bootId() }
}

/** Whether a holder still runs: in this uptime of the machine, with the same start time. */
export function holderLives(holder: Holder): boolean {
  return holder.bootId === bootId() && isAlive(holder)
}
