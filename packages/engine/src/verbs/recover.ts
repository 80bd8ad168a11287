import type { TaskExit } from '@gantry/runtime'
import type { Context } from '../context.ts'
import { containerOwner, runOwner, type ContainerRecord } from '../container/record.ts'
import { isAlive } from '../container/status.ts'
import { endRun, finishRun, watchExit } from '../run/watch-exit.ts'
import { keepLog } from '../run/keep-log.ts'
import { watchHealth } from '../run/watch-health.ts'
import { finishCopyUp } from '../volumes/copy-up.ts'
import { planRestart } from '../run/restart-policy.ts'
import { settleNetworks } from './network.ts'
import { removeLocked } from './remove.ts'

/** What a recovery found. */
export interface Recovered {
  /** Containers that went on without the daemon. */
  readonly adopted: number
  /** Containers that had ended, or whose end was half done. */
  readonly finished: number
  /** Containers that were to be removed. */
  readonly removed: number
  /** Owners in the ledger whose changes were taken back. */
  readonly undone: number
}

/** Brings ledger, kernel and table together after the last daemon ended, however it ended: half-made things are undone, running
 * containers are taken over, ended ones are finished. Called once, before any verb. One container's failure does not keep the others
 * from being recovered; it is logged. */
export async function recover(context: Context): Promise<Recovered> {
  const { undone, failed } = await context.ledger.recover()
  for (const { owner, error } of failed) context.log(`Cannot undo ${owner}`, error)
  context.volumes.sweep()
  for (const { name } of context.volumes.all())
    await finishCopyUp(context.volumes.path(name)).catch((error: unknown) =>
      context.log(`Cannot finish filling volume ${name}`, error),
    )
  const counts = { adopted: 0, finished: 0, removed: 0 }
  const recoverOne = async (record: ContainerRecord): Promise<void> => {
    try {
      const outcome = await context.live.of(record.id).lock.run(() => recoverContainer(context, record))
      if (outcome !== undefined) counts[outcome]++
    } catch (error) {
      context.log(`Cannot recover container ${record.id}`, error)
    }
  }
  await Promise.all(context.containers.all().map(recoverOne))
  await undoStrangers(context)
  await context.networks.recover()
  return { ...counts, undone: undone.length }
}

type Outcome = 'adopted' | 'finished' | 'removed' | undefined

async function recoverContainer(context: Context, record: ContainerRecord): Promise<Outcome> {
  const { id, status, progress, spec } = record
  const owner = runOwner(id, progress.run)
  if (status === 'removing' || status === 'dead') {
    await removeLocked(context, id, { volumes: spec.autoRemove })
    return 'removed'
  }
  if (isAlive(status)) return recoverRunning(context, record)
  // The network may know more of a half-made run than the ledger: addresses, names.
  if (progress.run > 0) await context.networks.disconnect({ owner })
  if (spec.autoRemove && progress.run > 0) {
    await removeLocked(context, id, { volumes: true })
    return 'removed'
  }
  if (status === 'restarting') planRestart(context, context.containers.update(id, { status: 'exited' }))
  return undefined
}

/** Takes over a container that should run, or finishes it when it has ended. Its lock is held. Where the runtime cannot tell, nothing is
 * changed: the container stays as it is until somebody asks for it again. @throws RuntimeError RUNTIME_MISSING and others */
export async function recoverRunning(context: Context, record: ContainerRecord): Promise<Outcome> {
  const { id, progress } = record
  const live = context.live.of(id)
  live.task = await context.runtime.open(id)
  if (progress.ending) {
    await endRun(context, record)
    return 'finished'
  }
  if (live.task === undefined) {
    await finishRun(context, id, { run: progress.run, exit: lost(context) })
    return 'finished'
  }
  context.ledger.adopt(runOwner(id, progress.run))
  await settleNetworks(context, record)
  keepLog(context, record, live.task)
  watchExit(context, record, live.task)
  watchHealth(context, record, live.task)
  return 'adopted'
}

/** Nothing is left to tell how it ended: the machine was started anew, or somebody removed its traces. */
function lost({ clock }: Context): TaskExit {
  return { exitCode: 255, oomKilled: false, at: clock.now() }
}

async function undoStrangers({ ledger, containers, log }: Context): Promise<void> {
  const known = new Set(containers.all().map(({ id }) => containerOwner(id)))
  const strangers = new Set(ledger.owners('container').map(({ owner }) => owner.split('/').slice(0, 2).join('/')))
  for (const owner of strangers) {
    if (known.has(owner)) continue
    try {
      await ledger.undo(owner)
    } catch (error) {
      log(`Cannot undo ${owner}, which no container knows of`, error)
    }
  }
}
