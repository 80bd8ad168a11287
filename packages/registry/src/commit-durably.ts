import type { State } from '@gantry/state'

/**
 * Runs `work` in a transaction that is on the disk when the promise resolves. The disk is waited for off the event loop, and
 * once for all who wait at the same time: a synced commit for each would be what limits pushes.
 */
export async function commitDurably<T>(state: State, work: () => T): Promise<T> {
  const result = state.transaction(work)
  await state.sync()
  return result
}
