import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Context } from '../context.ts'
import { EngineError } from '../engine-error.ts'
import { containerEvent } from '../events/container-event.ts'
import type { ExitInfo } from '../container/live.ts'
import { containerDirectory } from './create.ts'

/** How a checkpoint is made. */
export interface CheckpointRequest {
  readonly name: string
  /** Absolute; holds a directory for each checkpoint. Default: with the container, which takes them along when it is removed. */
  readonly directory?: string
  /** The container goes on afterwards. Default: false, it ends as if it had been stopped. */
  readonly leaveRunning?: boolean
}

/**
 * Writes a container's processes to files, from which {@link start} can make them again. The container goes on when that fails, and
 * nothing is left then. Otherwise it has ended when this returns, unless it is to go on.
 * @throws EngineError CONTAINER_UNKNOWN, CONTAINER_NOT_RUNNING, CONTAINER_PAUSED, CHECKPOINT_EXISTS, SPEC_INVALID;
 *   RuntimeError CRIU_MISSING, CHECKPOINT_FAILED
 */
export async function createCheckpoint(
  context: Context,
  reference: string,
  { name, directory, leaveRunning = false }: CheckpointRequest,
): Promise<void> {
  const { id } = context.containers.find(reference)
  const live = context.live.of(id)
  let ended: Promise<ExitInfo> | undefined
  await live.lock.run(async () => {
    const place = checkpointsOf(context, id, directory)
    const path = join(place, checkName(name))
    const record = context.containers.find(id)
    const { task } = live
    if (record.status === 'paused')
      throw new EngineError('CONTAINER_PAUSED', `Container ${record.name} is paused; unpause it first`)
    if (record.status !== 'running' || record.progress.ending || task === undefined)
      throw new EngineError('CONTAINER_NOT_RUNNING', `Container ${record.name} not running`)
    if (record.spec.autoRemove && !leaveRunning)
      throw new EngineError(
        'SPEC_INVALID',
        `Container ${record.name} is removed when it ends: a checkpoint is of no use`,
        {
          hint: 'leave it running (--leave-running), or make it without --rm',
        },
      )
    if (record.spec.users !== undefined)
      throw new EngineError(
        'SPEC_INVALID',
        `Container ${record.name} has a user namespace of its own: checkpoints of such containers are not supported`,
        { hint: 'make it without --userns' },
      )
    const { nextExit } = live
    const { checkpointPaths } = context.live
    if (isTaken(path) || checkpointPaths.has(path))
      throw new EngineError(
        'CHECKPOINT_EXISTS',
        `checkpoint with name ${name} already exists for container ${reference}`,
      )
    checkpointPaths.add(path)
    // Under another name until it is complete: what a kill leaves half done is no checkpoint. A name of its own, for other containers
    // may have theirs in the same place.
    const half = join(place, `${halfDone(id)}${randomBytes(6).toString('hex')}`)
    try {
      mkdirSync(place, { recursive: true, mode: 0o700 })
      removeHalfDone(place, id)
      await task.checkpoint({ directory: half, leaveRunning })
      giveName(half, path)
      // Before the end is finished, which needs the lock: restart policies let it be. Not before the dump: a daemon that is killed
      // on the way leaves a container that runs, as its policy says.
      if (!leaveRunning) context.containers.update(id, { progress: { stopRequested: true } })
    } catch (error) {
      rmSync(half, { recursive: true, force: true })
      throw error
    } finally {
      checkpointPaths.delete(path)
    }
    context.events.emit(containerEvent(record, 'checkpoint', { checkpoint: name }))
    if (!leaveRunning) ended = nextExit.promise
  })
  // Not under the lock: the end needs it.
  await ended
}

/** The names of a container's checkpoints. @throws EngineError CONTAINER_UNKNOWN, SPEC_INVALID */
export function listCheckpoints(context: Context, reference: string, directory?: string): readonly string[] {
  const place = checkpointsOf(context, context.containers.find(reference).id, directory)
  if (!existsSync(place)) return []
  return readdirSync(place, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && pattern.test(entry.name) && isCheckpoint(join(place, entry.name)))
    .map((entry) => entry.name)
    .toSorted()
}

/** Removes a checkpoint. @throws EngineError CONTAINER_UNKNOWN, CHECKPOINT_UNKNOWN, SPEC_INVALID */
export async function removeCheckpoint(
  context: Context,
  reference: string,
  { name, directory }: Pick<CheckpointRequest, 'name' | 'directory'>,
): Promise<void> {
  const { id } = context.containers.find(reference)
  await context.live.of(id).lock.run(() => {
    rmSync(checkpointPath(context, reference, { name, directory }), { recursive: true, force: true })
    return Promise.resolve()
  })
}

/** Where a checkpoint is. @throws EngineError CONTAINER_UNKNOWN, CHECKPOINT_UNKNOWN, SPEC_INVALID */
export function checkpointPath(
  context: Context,
  reference: string,
  { name, directory }: { readonly name: string; readonly directory?: string | undefined },
): string {
  const path = join(checkpointsOf(context, context.containers.find(reference).id, directory), checkName(name))
  if (isCheckpoint(path)) return path
  throw new EngineError('CHECKPOINT_UNKNOWN', `checkpoint ${name} does not exist for container ${reference}`)
}

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/

/** How the names of a container's checkpoints begin while they are written. */
function halfDone(id: string): string {
  return `.half-done-${id}-`
}

/** Removes what a killed daemon has left of a container's checkpoints. The container's lock is held. */
function removeHalfDone(place: string, id: string): void {
  for (const name of readdirSync(place)) {
    if (name.startsWith(halfDone(id))) rmSync(join(place, name), { recursive: true, force: true })
  }
}

/** Gives a complete checkpoint its name; nothing is replaced. @throws EngineError CHECKPOINT_EXISTS */
function giveName(half: string, path: string): void {
  // A rename takes the place of an empty directory only, which is no checkpoint.
  try {
    renameSync(half, path)
  } catch (cause) {
    if (!isTaken(path)) throw cause
    throw new EngineError('CHECKPOINT_EXISTS', `Cannot keep the checkpoint: ${path} came into being in the meantime`, {
      cause,
    })
  }
}

function isTaken(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

/** Every checkpoint has a list of its files; nothing else is taken for one, or removed. */
function isCheckpoint(path: string): boolean {
  return existsSync(join(path, 'inventory.img'))
}

function checkName(name: string): string {
  if (pattern.test(name)) return name
  throw new EngineError(
    'SPEC_INVALID',
    `Invalid checkpoint ID (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, and 128 characters`,
  )
}

function checkpointsOf(context: Context, id: string, directory: string | undefined): string {
  if (directory === undefined || directory === '') return join(containerDirectory(context, id), 'checkpoints')
  if (isAbsolute(directory)) return directory
  throw new EngineError('SPEC_INVALID', `Invalid checkpoint directory "${directory}": it is not an absolute path`)
}
