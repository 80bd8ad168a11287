import { join } from 'node:path'
import { mount, type Change, type MountArgs } from '@gantry/linux'
import type { MappedOwners } from './snapshots.ts'
import type { UpperRow } from './snapshot-table.ts'

/** The change that mounts an overlay of layers by their numbers, topmost first, under an upper directory if there is one. */
export function overlayMount({
  rootfs,
  lowers,
  upper,
  owners,
  options,
  directory,
}: {
  readonly rootfs: string
  readonly lowers: readonly number[]
  readonly upper?: UpperRow
  /** Who the owners of all its files are outside; only with an upper directory, beside which is then `mapped`. */
  readonly owners?: MappedOwners
  readonly options: readonly string[]
  /** Where the layers are. */
  readonly directory: string
}): Change<MountArgs> {
  // Paths relative to the snapshots directory keep a hundred layers within the one page that the kernel takes.
  const below = lowers.map((n) => `${String(n)}/fs`)
  const n = String(upper?.n)
  // Overlay wants a lower directory; a snapshot on nothing lies on its own empty mount point.
  const lowerdir = below.length > 0 ? below.join(':') : `${n}/rootfs`
  const data = [
    `lowerdir=${lowerdir}`,
    ...(upper === undefined ? [] : [`upperdir=${n}/fs`, `workdir=${n}/work`]),
    ...options,
    ...(upper?.volatile === 1 ? ['volatile'] : []),
  ].join(',')
  const why =
    upper === undefined
      ? `shows ${String(lowers.length)} layers as one read-only directory`
      : `shows ${String(lowers.length)} image layers and the writable layer on top as one root file system`
  const mapping =
    owners === undefined ? {} : { owners: owners.namespace, view: join(directory, n, 'mapped'), as: owners.root }
  return mount({ source: 'overlay', target: rootfs, type: 'overlay', data, directory, ...mapping }, why)
}
