import type { Context } from '../context.ts'
import { containerOwner, type ContainerRecord } from '../container/record.ts'
import { isAlive, nextStatus } from '../container/status.ts'
import { EngineError } from '../engine-error.ts'
import { containerEvent } from '../events/container-event.ts'
import { removeSnapshots } from './create.ts'
import { awaitEnding } from '../run/watch-exit.ts'
import { kill } from './kill.ts'

/** How a container is removed. */
export interface RemoveOptions {
  /** Ends it first if it runs. */
  readonly force?: boolean
  /** Removes the anonymous volumes that were made for it. */
  readonly volumes?: boolean
}

/** Removes a container. @throws EngineError CONTAINER_UNKNOWN, CONTAINER_RUNNING */
export async function remove(context: Context, reference: string, options: RemoveOptions = {}): Promise<void> {
  const { force = false, volumes = false } = options
  const found = context.containers.find(reference)
  const live = context.live.of(found.id)
  for (;;) {
    const record = context.containers.get(found.id)
    if (record === undefined) return
    if (!isAlive(record.status)) {
      if (await live.lock.run(() => removeEnded(context, found.id, { force, volumes }))) return
    } else if (record.progress.ending) {
      await awaitEnding(context, found.id)
    } else {
      if (!force) refuse(record)
      const { nextExit } = live
      context.containers.update(record.id, { progress: { stopRequested: true } })
      await killIfAlive(context, record.id)
      await nextExit.promise
    }
  }
}

/** Removes a container unless it runs again: its restart policy may have been quicker. Its lock is held. */
async function removeEnded(
  context: Context,
  id: string,
  { force, volumes }: Required<RemoveOptions>,
): Promise<boolean> {
  const record = context.containers.get(id)
  if (record === undefined) return true
  if (isAlive(record.status)) return force ? false : refuse(record)
  await removeLocked(context, id, { volumes })
  return true
}

function refuse({ id, name, status }: ContainerRecord): never {
  const advice = status === 'paused' ? 'unpause and then stop' : 'stop'
  throw new EngineError(
    'CONTAINER_RUNNING',
    `cannot remove container "${name === '' ? id : name}": container is ${status}: ${advice} the container before removing or force remove`,
  )
}

async function killIfAlive(context: Context, id: string): Promise<void> {
  try {
    await kill(context, id, 'SIGKILL')
  } catch (error) {
    // It may have ended by itself in the meantime.
    if (!(error instanceof EngineError && error.code === 'CONTAINER_NOT_RUNNING')) throw error
  }
}

/** Removes a container that does not run and whose lock is held. What fails leaves it `dead`, to be removed again. */
export async function removeLocked(context: Context, id: string, { volumes }: { volumes: boolean }): Promise<void> {
  const { containers, ledger } = context
  const before = containers.find(id)
  const live = context.live.of(id)
  live.restartDelay?.abort()
  const record = containers.update(id, { status: nextStatus(before.status, 'remove', before.name) })
  try {
    await ledger.undo(containerOwner(id))
    await removeSnapshots(context, id)
  } catch (error) {
    containers.update(id, { status: nextStatus('removing', 'removeFailed', before.name) })
    throw error
  }
  for (const pending of live.attaching) pending.giveUp()
  context.state.transaction(() => {
    containers.delete(id)
    context.images.letGo(containerOwner(id))
    if (volumes) removeAnonymousVolumes(context, record)
    context.events.emit(containerEvent(record, 'destroy'))
  })
  context.execs.forget(id)
  context.live.delete(id)
  live.removed.resolve({ exitCode: record.progress.exitCode })
  live.nextExit.resolve({ exitCode: record.progress.exitCode })
}

function removeAnonymousVolumes({ containers, volumes }: Context, { spec }: ContainerRecord): void {
  for (const mount of spec.mounts) {
    if (mount.type !== 'volume' || !mount.anonymous) continue
    const used = containers
      .all()
      .some((other) => other.spec.mounts.some((each) => each.type === 'volume' && each.name === mount.name))
    if (!used) volumes.remove(mount.name)
  }
}
