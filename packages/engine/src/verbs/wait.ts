import type { Context } from '../context.ts'
import type { ExitInfo } from '../container/live.ts'
import { isAlive } from '../container/status.ts'

/** When a wait ends: when it does not run, when it ends the next time, or when it has been removed. */
export type WaitCondition = 'not-running' | 'next-exit' | 'removed'

/** Waits for a container. When this returns, nothing that happens later is missed; `result` settles with the exit.
 * @throws EngineError CONTAINER_UNKNOWN */
export function wait(context: Context, reference: string, condition: WaitCondition): { result: Promise<ExitInfo> } {
  const { id, status, progress } = context.containers.find(reference)
  const live = context.live.of(id)
  if (condition === 'removed') return { result: live.removed.promise }
  if (condition === 'next-exit' || isAlive(status) || status === 'restarting') return { result: live.nextExit.promise }
  return { result: Promise.resolve({ exitCode: progress.exitCode }) }
}
