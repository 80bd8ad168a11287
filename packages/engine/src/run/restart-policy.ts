import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import { startLocked } from '../verbs/start.ts'

const shortest = 100
const longest = 60_000
const steady = 10_000

/** Whether a container whose process has ended is to be started again. */
export function wantsRestart({ spec, progress }: Pick<ContainerRecord, 'spec' | 'progress'>): boolean {
  const { name, maximumRetries } = spec.restart
  if (name === 'no' || progress.stopRequested) return false
  if (name !== 'on-failure') return true
  return progress.exitCode !== 0 && (maximumRetries === 0 || progress.restartCount < maximumRetries)
}

/** Starts a container again, if its policy says so, after a delay that doubles from 100 ms to a minute; one that ran for 10 s begins
 * anew. Its lock is held. */
export function planRestart(context: Context, record: ContainerRecord): void {
  if (!wantsRestart(record)) return
  const { id, progress } = record
  const ranFor = (progress.finishedAt ?? 0) - (progress.startedAt ?? 0)
  const count = ranFor >= steady ? 0 : progress.restartCount
  const delay = Math.min(longest, shortest * 2 ** Math.min(count, 20))
  const live = context.live.of(id)
  const giveUp = new AbortController()
  live.restartDelay = giveUp
  context.containers.update(id, { status: 'restarting', progress: { restartCount: count + 1 } })
  const startAgain = async (): Promise<void> => {
    await context.clock.sleep(delay, giveUp.signal)
    await live.lock.run(async () => {
      if (context.containers.get(id)?.status === 'restarting') await startLocked(context, id)
    })
  }
  startAgain().catch((error: unknown) => {
    if (!giveUp.signal.aborted) context.log(`Cannot restart container ${id}`, error)
  })
}
