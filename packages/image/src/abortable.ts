/**
 * The same bytes, but waiting for them ends with the signal's reason when it is aborted, even while the body hangs.
 * Without a signal the body itself.
 */
export function abortable(body: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
  return signal === undefined ? body : interruptible(body, signal)
}

async function* interruptible(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted()
  const iterator = body[Symbol.asyncIterator]()
  let interrupt: ((reason: unknown) => void) | undefined
  const onAbort = (): void => interrupt?.(signal.reason)
  signal.addEventListener('abort', onAbort)
  let finished = false
  try {
    for (;;) {
      // One promise a chunk: racing against one long-lived promise would collect a reaction for each.
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        interrupt = reject
        iterator.next().then(resolve, reject)
      })
      finished = next.done === true
      if (next.done === true) return
      yield next.value
      signal.throwIfAborted()
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    if (!finished) {
      const closing = iterator.return?.()
      // A generator that hangs queues return() behind what it hangs on.
      if (signal.aborted) closing?.catch(() => undefined)
      else await closing
    }
  }
}
