import { closeSync, constants, openSync } from 'node:fs'
import { treeTar } from '@gantry/snapshot'
import type { Context } from '../context.ts'
import { containerOwner, type ContainerRecord } from '../container/record.ts'
import { insideOf } from '../container/users/container-users.ts'
import { containerEvent } from '../events/container-event.ts'
import { makeOwners } from '../run/make-users.ts'

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
    yield* treeOf(snapshots.paths(id).rootfs, record)
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
      const owners = await makeOwners(context, record, owner)
      mounted.resolve((await snapshots.mount(id, owner, owners === undefined ? {} : { owners })).rootfs)
      await read.promise
    } finally {
      await ledger.undo(owner)
    }
  })
  work.catch(mounted.reject)
  try {
    yield* treeOf(await mounted.promise, record)
  } finally {
    read.resolve()
    await work
  }
}

async function* treeOf(rootfs: string, { spec }: ContainerRecord): AsyncGenerator<Uint8Array, void, undefined> {
  const root = openSync(rootfs, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    yield* treeTar(root, { name: '.', as: '', ownerOf: (seen) => insideOf(spec.users, seen) })
  } finally {
    closeSync(root)
  }
}
