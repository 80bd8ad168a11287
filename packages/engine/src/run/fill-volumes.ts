import type { Context } from '../context.ts'
import { containerOwner, type ContainerRecord } from '../container/record.ts'
import type { ContainerMount } from '../container/spec.ts'
import { copyUp } from '../volumes/copy-up.ts'

type VolumeMount = Extract<ContainerMount, { type: 'volume' }>

/** Fills new volumes of a container from its root file system: until it has run, or before the first run since they were added. With
 * mapped users that one is mounted for it without its map, where `rootfs` is undefined: on the disk all owners are those of the inside, also
 * those that the map does not have. @throws SnapshotError TREE_CONFLICT */
export async function fillVolumes(
  context: Context,
  record: ContainerRecord,
  rootfs: string | undefined,
): Promise<void> {
  const { id, progress } = record
  const isNew = (mount: ContainerMount): mount is VolumeMount =>
    mount.type === 'volume' &&
    mount.copyUp &&
    mount.subpath === undefined &&
    // A start that failed may have filled none.
    (progress.startedAt === undefined || progress.run === (mount.since ?? 1))
  const volumes = record.spec.mounts.filter(isNew)
  if (volumes.length === 0) return
  const fill = async (from: string): Promise<void> => {
    for (const { name, target } of volumes)
      await copyUp({ rootfs: from, path: target, volume: context.volumes.directoryOf(name) })
  }
  if (rootfs !== undefined) return fill(rootfs)
  const owner = `${containerOwner(id)}/fill`
  try {
    await fill((await context.snapshots.mount(id, owner)).rootfs)
  } finally {
    await context.ledger.undo(owner)
  }
}
