import { setTimeout as wait } from 'node:timers/promises'

/** Time, so that tests need not wait for it. */
export interface Clock {
  /** Milliseconds since the epoch, with a fraction. */
  now(): number
  /** Resolves after so many milliseconds. @throws the signal's reason when it aborts first */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

/** The machine's own time. Sleeping does not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  sleep: async (milliseconds, signal) => {
    await wait(milliseconds, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) })
  },
}
