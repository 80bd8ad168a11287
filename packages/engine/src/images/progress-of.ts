/** Runs work that reports as it goes, as a stream of its reports. A reader that lags gets the newest of reports with one key in place
 * of all of them; one that leaves stops the work. The stream ends, or fails, when the work does. */
export async function* progressOf<T>(
  work: (report: (event: T, key?: string) => void, signal: AbortSignal) => Promise<void>,
  outer?: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const stop = new AbortController()
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal])
  const queue: { event: T; key: string | undefined }[] = []
  let wake: (() => void) | undefined
  let over = false
  const report = (event: T, key?: string): void => {
    const last = key === undefined ? undefined : queue.findLast((each) => each.key === key)
    if (last === undefined) queue.push({ event, key })
    else last.event = event
    wake?.()
  }
  const finished = work(report, signal).finally(() => {
    over = true
    wake?.()
  })
  finished.catch(() => undefined)
  try {
    for (;;) {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) yield next.event
      if (over) break
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    await finished
  } finally {
    stop.abort()
    await finished.catch(() => undefined)
  }
}
