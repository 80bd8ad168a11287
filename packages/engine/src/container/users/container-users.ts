import type { IdRange } from '@gantry/linux'
import type { IdMaps } from './auto-users.ts'

/** The user namespace of a container. */
export interface ContainerUsers extends IdMaps {
  /** As it was asked for: `auto`, `keep-id:uid=7`; `private` with maps alone. */
  readonly mode: string
}

/** Who owns something. */
export interface OwnerIds {
  readonly uid: number
  readonly gid: number
}

/** What the kernel shows in place of an id that has no name in a namespace. */
const nobody = 65_534

/** The owner outside of what has this owner inside. Without a namespace, and for an id without a map, it is the same. */
export function outsideOf(users: IdMaps | undefined, { uid, gid }: OwnerIds): OwnerIds {
  if (users === undefined) return { uid, gid }
  return {
    uid: across(users.uids, uid, 'inside', 'outside') ?? uid,
    gid: across(users.gids, gid, 'inside', 'outside') ?? gid,
  }
}

/** The owner inside of what has this owner outside; nobody for an id without a map. */
export function insideOf(users: IdMaps | undefined, { uid, gid }: OwnerIds): OwnerIds {
  if (users === undefined) return { uid, gid }
  return {
    uid: across(users.uids, uid, 'outside', 'inside') ?? nobody,
    gid: across(users.gids, gid, 'outside', 'inside') ?? nobody,
  }
}

/** Whether an owner outside is somebody inside. */
export function isMapped(users: IdMaps, { uid, gid }: OwnerIds): boolean {
  return (
    across(users.uids, uid, 'outside', 'inside') !== undefined &&
    across(users.gids, gid, 'outside', 'inside') !== undefined
  )
}

function across(
  ranges: readonly IdRange[],
  id: number,
  from: 'inside' | 'outside',
  to: 'inside' | 'outside',
): number | undefined {
  const range = ranges.find((each) => id >= each[from] && id < each[from] + each.size)
  return range === undefined ? undefined : range[to] + id - range[from]
}
