/** Runs work with at most so many at once, first come first served. */
export type Limiter = <T>(work: () => Promise<T>) => Promise<T>

/** Makes a limiter for `concurrency` pieces of work at once. */
export function createLimiter(concurrency: number): Limiter {
  let free = Math.max(1, Math.floor(concurrency))
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      // The place is handed on, so that nobody who comes later gets in between.
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
