import { closeSync, constants, openSync } from 'node:fs'
import { errorCode } from '@gantry/linux'
import { treeTar } from '@gantry/snapshot'
import type { Context } from '../context.ts'
import { containerOwner, type ContainerRecord } from '../container/record.ts'
import type { IdMaps } from '../container/users/auto-users.ts'
import { insideOf } from '../container/users/container-users.ts'
import { EngineError } from '../engine-error.ts'
import { containerEvent } from '../events/container-event.ts'

/** The root file system of a container as a tar, without what is in volumes. It may run; one that does not cannot start before the
 * tar has been read or dropped. @throws EngineError CONTAINER_UNKNOWN */
export function exportContainer(context: Context, reference: string): AsyncIterable<Uint8Array> {
  const record = context.containers.find(reference)
  return exported(context, record)
}

async function* exported(context: Context, record: ContainerRecord): AsyncGenerator<Uint8Array, void, undefined> {
  const { id } = record
  const { live: allLive, ledger, snapshots, events } = context
  const live = allLive.of(id)
  events.emit(containerEvent(record, 'export'))
  if (live.task !== undefined) {
    yield* treeOf(snapshots.paths(id).rootfs, record.spec.users)
    return
  }
  const owner = `${containerOwner(id)}/files`
  const mounted = Promise.withResolvers<string>()
  const read = Promise.withResolvers<void>()
  const work = live.lock.run(async () => {
    if (live.task !== undefined) {
      mounted.resolve(snapshots.paths(id).rootfs)
      return
    }
    try {
      // Without its map: on the disk all owners are those of the inside, also those that the map does not have.
      mounted.resolve((await snapshots.mount(id, owner)).rootfs)
      await read.promise
    } finally {
      await ledger.undo(owner)
    }
  })
  work.catch(mounted.reject)
  try {
    const rootfs = await mounted.promise
    yield* treeOf(rootfs, live.task === undefined ? undefined : record.spec.users)
  } finally {
    read.resolve()
    await work
  }
}

/** Of a tree that is mounted with mapped owners for `users`. */
async function* treeOf(rootfs: string, users: IdMaps | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  const root = openSync(rootfs, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    yield* treeTar(root, { name: '.', as: '', ownerOf: (seen) => insideOf(users, seen) })
  } catch (error) {
    const code = errorCode(error)
    if (users === undefined || (code !== 'EACCES' && code !== 'EOVERFLOW')) throw error
    throw new EngineError(
      'FILE_INVALID',
      'Cannot export all of the running container: its user namespace does not map the owners of some files, and nobody can read these through it',
      { cause: error, hint: 'stop it first, or make it with more ids (--userns auto:size=N)' },
    )
  } finally {
    closeSync(root)
  }
}
