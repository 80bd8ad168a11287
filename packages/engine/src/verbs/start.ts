import type { Bundle, Task } from '@gantry/runtime'
import type { Context } from '../context.ts'
import type { Live } from '../container/live.ts'
import { runOwner, type ContainerRecord } from '../container/record.ts'
import { healthAtStart } from '../container/health.ts'
import { isAlive, nextStatus } from '../container/status.ts'
import { containerEvent } from '../events/container-event.ts'
import { prepareBundle } from '../run/bundle.ts'
import { connectNetworks, type Connected } from '../run/connect-networks.ts'
import { makeUsers } from '../run/make-users.ts'
import { giveStreams } from '../run/give-streams.ts'
import { keepLog, logOf } from '../run/keep-log.ts'
import { prepareRootfs } from '../run/prepare-rootfs.ts'
import { startFailure } from '../run/start-failure.ts'
import { watchExit } from '../run/watch-exit.ts'
import { watchHealth } from '../run/watch-health.ts'
import { both } from '../run/both.ts'
import { checkpointPath } from './checkpoint.ts'
import { removeLocked } from './remove.ts'

/** Starts a container. Returns false when it ran already. Nothing of a start that fails is left.
 * @throws EngineError CONTAINER_UNKNOWN, CONTAINER_PAUSED, CHECKPOINT_UNKNOWN, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, START_FAILED; NetworkError PORT_TAKEN */
export async function start(context: Context, reference: string, options: StartOptions = {}): Promise<boolean> {
  const { id } = context.containers.find(reference)
  const { checkpoint: name, checkpointDirectory: directory } = options
  return context.live.of(id).lock.run(() => {
    const restore = name === undefined ? undefined : checkpointPath(context, id, { name, directory })
    return startLocked(context, id, restore === undefined ? {} : { restore })
  })
}

/** From where a container starts. */
export interface StartOptions {
  /** Name of a checkpoint: its processes go on from there. Default: the container's command, from its beginning. */
  readonly checkpoint?: string
  /** Where the checkpoint is, when it is not with the container. */
  readonly checkpointDirectory?: string
}

/** What is done on the way of a start. */
export interface StartHooks {
  /** Called when everything is made and the process waits before its first instruction. */
  readonly beforeStart?: (task: Task) => Promise<void>
  /** Directory of a checkpoint: its processes go on, and there is no first instruction. */
  readonly restore?: string
}

/** Starts a container whose lock is held. */
export async function startLocked(context: Context, id: string, hooks: StartHooks = {}): Promise<boolean> {
  const { containers, live: allLive } = context
  const before = containers.find(id)
  if (before.status === 'running') return false
  nextStatus(before.status, 'start', before.name)
  const live = allLive.of(id)
  live.restartDelay?.abort()
  const run = before.progress.run + 1
  const record = containers.update(id, { progress: { run, error: '', stopRequested: false, oomKilled: false } })
  try {
    const { task, connected } = await begin(context, record, { live, hooks })
    began(context, record, { task, connected })
    return true
  } catch (error) {
    throw await failed(context, record, { live, error })
  }
}

/** Makes what a run stands on: its networks, its root file system, its configuration. The caller closes `connected`. */
export async function prepareRun(
  context: Context,
  record: ContainerRecord,
): Promise<{ owner: string; connected: Connected; bundle: Bundle }> {
  const owner = runOwner(record.id, record.progress.run)
  const users = await makeUsers(context, record, owner)
  const connecting = connectNetworks(context, record, { owner, users: users?.namespace })
  try {
    const [connected, rootfs] = await both(connecting, prepareRootfs(context, record, { owner, owners: users }))
    return { owner, connected, bundle: prepareBundle(context, record, { connected, rootfs, users: users?.namespace }) }
  } catch (error) {
    connecting.then((made) => made.close()).catch(() => undefined)
    throw error
  }
}

async function begin(
  context: Context,
  record: ContainerRecord,
  { live, hooks }: { live: Live; hooks: StartHooks },
): Promise<{ task: Task; connected: Connected }> {
  const { spec } = record
  const { owner, connected, bundle } = await prepareRun(context, record)
  let task: Task
  try {
    task = await context.runtime.create(
      bundle,
      {
        terminal: spec.terminal,
        stdin: spec.stdin,
        stdinOnce: spec.stdinOnce,
        ...logOf(context, record),
        preserveFds: connected.fds,
      },
      { owner, ...(hooks.restore === undefined ? {} : { restore: hooks.restore }) },
    )
  } finally {
    connected.close()
  }
  giveStreams(record, task, bundle.spec.process.user.uid)
  // From here on, whoever attaches goes to the task itself; who waited is connected before the first instruction.
  live.task = task
  keepLog(context, record, task)
  live.outputEnded = new AbortController()
  const waiting = [...live.attaching]
  live.attaching.clear()
  await Promise.all(
    waiting.map(async (pending) => {
      pending.connect(await task.attach({ stdin: pending.stdin }))
    }),
  )
  await hooks.beforeStart?.(task)
  if (hooks.restore === undefined) await task.start()
  return { task, connected }
}

function began(
  context: Context,
  record: ContainerRecord,
  { task, connected }: { task: Task; connected: Connected },
): void {
  const { id } = record
  const { run } = record.progress
  const started = context.state.transaction(() => {
    context.ledger.settle(runOwner(id, run))
    const updated = context.containers.update(id, {
      status: 'running',
      progress: {
        pid: task.pid,
        startedAt: context.clock.now(),
        endpoints: connected.endpoints,
        exitCode: 0,
        ...(record.spec.health === undefined ? {} : { health: healthAtStart(record.progress.health) }),
      },
    })
    context.events.emit(containerEvent(updated, 'start'))
    return updated
  })
  watchExit(context, started, task)
  watchHealth(context, started, task)
}

async function failed(
  context: Context,
  record: ContainerRecord,
  { live, error }: { live: Live; error: unknown },
): Promise<unknown> {
  const { id } = record
  const owner = runOwner(id, record.progress.run)
  const { failure, exitCode } = startFailure(error, record)
  for (const pending of live.attaching) pending.giveUp()
  live.attaching.clear()
  live.outputEnded.abort()
  live.log?.close()
  try {
    await live.task?.delete()
    live.task = undefined
    await context.networks.disconnect({ owner })
    await context.ledger.undo(owner)
  } catch (undoError) {
    context.log(`Cannot undo the failed start of container ${id}; the next start of the daemon tries again`, undoError)
  }
  const message = failure instanceof Error ? failure.message : String(failure)
  const { status } = context.containers.find(id)
  const updated = context.containers.update(id, {
    ...(status === 'restarting' ? { status: 'exited' as const } : {}),
    progress: { pid: 0, exitCode, error: message, finishedAt: context.clock.now() },
  })
  if (updated.spec.autoRemove && !isAlive(updated.status)) {
    try {
      await removeLocked(context, id, { volumes: true })
    } catch (removeError) {
      context.log(`Cannot remove container ${id} after its start failed`, removeError)
    }
  }
  return failure
}
