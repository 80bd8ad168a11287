import type { Clock } from '@gantry/engine'

/** A clock that stands still until it is moved. */
export interface FakeClock extends Clock {
  /** Lets so many milliseconds pass, waking sleepers in the order of their times, each with everything it sets off. */
  advance(milliseconds: number): Promise<void>
  /** How many sleep now. */
  readonly sleeping: number
}

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

/** Makes a clock that shows `start`, milliseconds since the epoch. */
export function fakeClock(start: number = Date.UTC(2026, 0, 1)): FakeClock {
  let now = start
  const sleepers = new Set<Sleeper>()
  const next = (until: number): Sleeper | undefined =>
    [...sleepers].filter((sleeper) => sleeper.at <= until).sort((a, b) => a.at - b.at)[0]
  return {
    now: () => now,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        const sleeper: Sleeper = { at: now + milliseconds, wake: resolve }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper)
          reject(signal.reason as Error)
        })
      }),
    advance: async (milliseconds) => {
      const until = now + milliseconds
      await settle()
      for (let sleeper = next(until); sleeper !== undefined; sleeper = next(until)) {
        now = sleeper.at
        sleepers.delete(sleeper)
        sleeper.wake()
        await settle()
      }
      now = until
    },
    get sleeping() {
      return sleepers.size
    },
  }
}

/** Lets everything that is ready run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
