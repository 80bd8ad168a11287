import type { IdRange } from '@gantry/linux'
import type { IdMaps } from './auto-users.ts'
import { invalid } from './id-ranges.ts'

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

/** The owner outside of what has this owner inside; the same without a namespace.
 * @throws EngineError SPEC_INVALID for an id without a map: the same number outside is somebody else */
export function outsideOf(users: IdMaps | undefined, { uid, gid }: OwnerIds): OwnerIds {
  if (users === undefined) return { uid, gid }
  return {
    uid: across(users.uids, uid, 'inside', 'outside') ?? unmapped('user', uid),
    gid: across(users.gids, gid, 'inside', 'outside') ?? unmapped('group', gid),
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

function unmapped(what: 'user' | 'group', id: number): never {
  throw invalid(
    `Cannot give a file to ${what} ${String(id)}: the container's user namespace has no such ${what}`,
    `make the container with more ids (--userns auto:size=${String(id + 1)}), or choose an owner that it has`,
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
