import type { Refusal } from '@gantry/linux'
import type { IdMaps } from '../container/users/auto-users.ts'
import { insideOf, isMapped } from '../container/users/container-users.ts'

/** A refusal with users and groups by their numbers inside, as the container's programs see them. */
export function insideRefusal(refusal: Refusal, users: IdMaps | undefined): Refusal {
  if (users === undefined) return refusal
  const { process, paths } = refusal
  const { uid, gid } = insideOf(users, process)
  return {
    ...refusal,
    process: {
      ...process,
      uid,
      gid,
      groups: process.groups.map((group) => insideOf(users, { uid: 0, gid: group }).gid),
    },
    paths: paths.map((path) => ({
      ...path,
      ...insideOf(users, path),
      way: path.way.map((directory) => ({ ...directory, ...insideOf(users, directory) })),
    })),
  }
}

/** In words whose a file that a call names is, where that is nobody inside: whose directory, where the file is not there. */
export function strangerOf({ paths }: Refusal, users: IdMaps | undefined): string | undefined {
  if (users === undefined) return undefined
  for (const { path, kind, uid, gid, way } of paths) {
    const owned = kind === 'absent' ? way.at(-1) : { path, uid, gid }
    if (owned !== undefined && !isMapped(users, owned))
      return `${owned.path} belongs to ${String(owned.uid)}:${String(owned.gid)} of the host`
  }
  return undefined
}
