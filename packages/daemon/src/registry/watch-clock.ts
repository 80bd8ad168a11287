import { clockDrift, schedule } from '@gantry/registry'
import type { Log, Schedule } from '@gantry/registry'

const minute = 60_000

/**
 * Says when the machine's clock was set by a minute or more since the server began: the server goes on by its own, so that ages and
 * expiries stay true, and takes the machine's over when it is started again.
 */
export function watchClock(
  log: Log,
  options: { readonly every?: number; readonly drift?: () => number } = {},
): Schedule {
  const { every = minute, drift = clockDrift } = options
  let told = 0
  const look = async (): Promise<void> => {
    const seconds = Math.round(drift() / 1000)
    if (Math.abs(seconds - told) * 1000 < minute) return
    told = seconds
    if (Math.abs(seconds) * 1000 < minute) return
    log('warn', 'the clock of this machine was set: the server goes on by its own until it is started again', {
      seconds,
    })
  }
  return schedule(look, { every, onError: () => undefined })
}
