import { availableParallelism } from 'node:os'
import { readText } from './files.ts'

// USER_HZ, which the kernel's interface fixes at 100.
const nanosecondsPerTick = 1e7

/** Time that all processors of the host have spent, idle time included, in nanoseconds; and how many there are. */
export async function hostProcessorTime(): Promise<{ readonly host: number; readonly online: number }> {
  const text = (await readText('/proc/stat')) ?? ''
  // user nice system idle iowait irq softirq steal; the guest times that follow are in user already.
  const ticks = text.slice(0, text.indexOf('\n')).trim().split(/\s+/).slice(1, 9).map(Number)
  return { host: ticks.reduce((sum, value) => sum + value, 0) * nanosecondsPerTick, online: availableParallelism() }
}
