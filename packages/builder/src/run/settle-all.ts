/** Waits for all, stops the others when one fails, and rejects with the first failure once all have ended. */
export async function settleAll(promises: readonly Promise<unknown>[], stop: AbortController): Promise<void> {
  let failed = false
  let first: unknown
  await Promise.all(
    promises.map((promise) =>
      promise.catch((error: unknown) => {
        if (!failed) first = error
        failed = true
        stop.abort(error)
      }),
    ),
  )
  if (failed) throw first
}
