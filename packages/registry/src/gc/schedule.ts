/** Work that is done again and again. */
export interface Schedule extends AsyncDisposable {
  /** Does it now, or gives the run that is under way. Rejects with what it rejects with. */
  run(): Promise<void>
  /** Goes on at another pace; `undefined` pauses it. */
  setInterval(milliseconds: number | undefined): void
}

/** A timer cannot wait longer. */
const longestTimer = 2 ** 31 - 1

/**
 * Does work at an interval, a tenth of it earlier or later by chance so that many servers do not do it at once; never twice at the
 * same time. Failures are told to `onError`. Disposing of it aborts what is under way, and waits for its end.
 */
export function schedule(
  work: (signal: AbortSignal) => Promise<void>,
  options: {
    readonly every: number | undefined
    /** How long it waits before the first time. Default: as long as before all others. */
    readonly first?: number | undefined
    readonly onError: (error: unknown) => void
  },
): Schedule {
  const stop = new AbortController()
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let { every } = options

  const run = (): Promise<void> => {
    running ??= work(stop.signal).finally(() => (running = undefined))
    return running
  }
  const arm = (after = every): void => {
    clearTimeout(timer)
    if (every === undefined || after === undefined || stop.signal.aborted) return
    const wait = Math.min(after * (0.9 + Math.random() / 5), longestTimer)
    timer = setTimeout(() => {
      run()
        .catch((error: unknown) => {
          if (!stop.signal.aborted) options.onError(error)
        })
        .finally(() => arm())
    }, wait).unref()
  }
  arm(options.first)
  return {
    run,
    setInterval(milliseconds) {
      every = milliseconds
      arm()
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      stop.abort()
      await running?.catch(() => undefined)
    },
  }
}
