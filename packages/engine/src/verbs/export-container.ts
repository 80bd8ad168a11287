import { closeSync, constants, openSync } from 'node:fs'
import { treeTar } from '@gantry/snapshot'
import type { Context } from '../context.ts'
import { containerOwner, type ContainerRecord } from '../container/record.ts'
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
    yield* treeOf(snapshots.paths(id).rootfs)
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
      mounted.resolve((await snapshots.mount(id, owner)).rootfs)
      await read.promise
    } finally {
      await ledger.undo(owner)
    }
  })
  work.catch(mounted.reject)
  try {
    yield* treeOf(await mounted.promise)
  } finally {
    read.resolve()
    await work
  }
}

async function* treeOf(rootfs: string): AsyncGenerator<Uint8Array, void, undefined> {
  const root = openSync(rootfs, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    yield* treeTar(root, { name: '.', as: '' })
  } finally {
    closeSync(root)
  }
}
