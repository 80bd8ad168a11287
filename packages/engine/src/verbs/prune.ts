import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import { EngineError } from '../engine-error.ts'
import type { VolumeRecord } from '../volumes/volume-table.ts'
import { removeVolume, volumeUsers } from './volumes.ts'
import { remove } from './remove.ts'

/** What was removed, by id or name, and the bytes that are free now. */
export interface Pruned {
  readonly removed: readonly string[]
  readonly bytes: number
}

/** Removes the containers that do not run and that the filter says yes to. One that is started or taken meanwhile is left. */
export async function pruneContainers(
  context: Context,
  { filter = () => true, signal }: { filter?: (container: ContainerRecord) => boolean; signal?: AbortSignal } = {},
): Promise<Pruned> {
  const removed: string[] = []
  let bytes = 0
  for (const record of context.containers.all()) {
    if (signal?.aborted === true) break
    if (!isLeft(record) || !filter(record)) continue
    const size = await context.snapshots.usage(record.id).catch(() => 0)
    try {
      await remove(context, record.id)
    } catch (error) {
      if (error instanceof EngineError) continue
      throw error
    }
    removed.push(record.id)
    bytes += size
  }
  return { removed, bytes }
}

/** Whether a container is one that ended, or that was never started. */
export function isLeft({ status }: Pick<ContainerRecord, 'status'>): boolean {
  return status === 'created' || status === 'exited' || status === 'dead'
}

/**
 * Removes the volumes that no container is made with: those without a name, and with `all` those with one.
 * `bytesOf` tells what a volume takes.
 */
export async function pruneVolumes(
  context: Context,
  {
    all = false,
    filter = () => true,
    bytesOf,
  }: { all?: boolean; filter?: (volume: VolumeRecord) => boolean; bytesOf: (path: string) => Promise<number> },
): Promise<Pruned> {
  const removed: string[] = []
  let bytes = 0
  for (const volume of context.volumes.all()) {
    if ((!all && !volume.anonymous) || !filter(volume) || volumeUsers(context, volume.name).length > 0) continue
    const size = await bytesOf(context.volumes.path(volume.name))
    // A container may have been made with it while its size was read.
    if (volumeUsers(context, volume.name).length > 0) continue
    removeVolume(context, volume.name, { force: true })
    removed.push(volume.name)
    bytes += size
  }
  return { removed, bytes }
}
