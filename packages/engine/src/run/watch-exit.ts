import type { Task, TaskExit } from '@gantry/runtime'
import type { Context } from '../context.ts'
import { deferred } from '../deferred.ts'
import { runOwner, type ContainerRecord } from '../container/record.ts'
import { isAlive } from '../container/status.ts'
import { containerEvent } from '../events/container-event.ts'
import { removeLocked } from '../verbs/remove.ts'
import { planRestart, wantsRestart } from './restart-policy.ts'

/** Waits for the end of a run, in the background, and finishes it. */
export function watchExit(context: Context, { id, progress }: ContainerRecord, task: Task): void {
  const { lock } = context.live.of(id)
  task
    .wait()
    .then((exit) => lock.run(() => finishRun(context, id, { run: progress.run, exit })))
    .catch((error: unknown) => context.log(`Cannot finish the run of container ${id}`, error))
}

/** Notes the end of a run, takes back what the run changed on the host, and tells who waits. The container's lock is held. */
export async function finishRun(
  context: Context,
  id: string,
  { run, exit }: { run: number; exit: TaskExit },
): Promise<void> {
  const { containers, clock } = context
  const before = containers.get(id)
  if (before === undefined || before.progress.run !== run || !isAlive(before.status)) return
  const { exitCode, oomKilled } = exit
  const ended = context.state.transaction(() => {
    const record = containers.update(id, {
      progress: { pid: 0, exitCode, oomKilled, finishedAt: clock.now(), ending: true },
    })
    if (oomKilled) context.events.emit(containerEvent(record, 'oom'))
    const seconds = Math.floor((clock.now() - (record.progress.startedAt ?? clock.now())) / 1000)
    context.events.emit(containerEvent(record, 'die', { exitCode: String(exitCode), execDuration: String(seconds) }))
    return record
  })
  const live = context.live.of(id)
  const { nextExit } = live
  try {
    await endRun(context, ended)
  } catch (error) {
    // The process has ended, whatever keeps its remains: who waits for the one does not wait for the other.
    if (live.nextExit === nextExit) live.nextExit = deferred()
    nextExit.resolve({ exitCode })
    throw error
  }
}

/** Waits until the end of a run that is under way is finished. Where finishing it has failed before, it is tried again, and what keeps
 * it is thrown: whoever waits for the end would wait for ever. @throws LedgerError UNDO_FAILED and others */
export async function awaitEnding(context: Context, id: string): Promise<void> {
  await context.live.of(id).lock.run(async () => {
    const record = context.containers.get(id)
    if (record !== undefined && isAlive(record.status) && record.progress.ending) await endRun(context, record)
  })
}

/** Takes back what a run whose process has ended changed on the host. The container's lock is held. Also finishes what a crash left. */
export async function endRun(context: Context, record: ContainerRecord): Promise<void> {
  const { id, progress, spec } = record
  const live = context.live.of(id)
  const owner = runOwner(id, progress.run)
  live.health?.abort()
  await live.task?.delete()
  live.task = undefined
  const exit = { exitCode: progress.exitCode }
  await context.networks.disconnect({ owner })
  const goes = spec.autoRemove && live.restarts === 0 && !wantsRestart(record)
  if (!goes) await context.ledger.undo(owner)
  const exited = context.containers.update(id, {
    status: 'exited',
    progress: { ending: false, endpoints: [], heldPorts: [] },
  })
  // Who follows the log hears of the end when everybody else does.
  live.outputEnded.abort()
  live.log?.close()
  live.log = undefined
  const { nextExit } = live
  live.nextExit = deferred()
  if (goes) {
    await removeLocked(context, id, { volumes: true })
    nextExit.resolve(exit)
    return
  }
  nextExit.resolve(exit)
  planRestart(context, exited)
}
