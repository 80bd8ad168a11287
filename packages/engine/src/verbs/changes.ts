import { treeChanges, type TreeChange } from '@gantry/snapshot'
import type { Context } from '../context.ts'
import { containerOwner } from '../container/record.ts'

/** What a container has changed of its image's files, by path. It may run. @throws EngineError CONTAINER_UNKNOWN */
export async function changes(context: Context, reference: string): Promise<readonly TreeChange[]> {
  const { id, image } = context.containers.find(reference)
  const { ledger, snapshots, host } = context
  const owner = `${containerOwner(id)}/changes-${String(reads++)}`
  try {
    const below = image.chain === undefined ? undefined : (await snapshots.view(image.chain, owner)).rootfs
    return treeChanges(snapshots.paths(id).upper, below, host)
  } finally {
    await ledger.undo(owner)
  }
}

/** Several may read at once, each with a view of its own. */
let reads = 0
