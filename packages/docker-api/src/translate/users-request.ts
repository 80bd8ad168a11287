import type { IDMappings } from '@gantry/client'
import type { ContainerSpec, CreateRequest } from '@gantry/engine'
import { badRequest } from '../http/api-failure.ts'
import type { Fields } from './fields.ts'

/** Reads `UsernsMode`, and `IDMappings` as Podman's inspect shows them. @throws ApiFailure 400 */
export function usersRequest(host: Fields): CreateRequest['users'] {
  const mode = host.text('UsernsMode') ?? ''
  const maps = host.object('IDMappings')
  const uidMap = maps.texts('UidMap') ?? []
  const gidMap = maps.texts('GidMap') ?? []
  const subuidName = maps.text('SubuidName') ?? ''
  const subgidName = maps.text('SubgidName') ?? ''
  const caller = callerOf(maps.text('Caller') ?? '')
  const nothing = [...uidMap, ...gidMap].length === 0 && subuidName === '' && subgidName === ''
  if (mode === '' && nothing) return undefined
  return { mode, uidMap, gidMap, subuidName, subgidName, ...(caller === undefined ? {} : { caller }) }
}

function callerOf(text: string): { uid: number; gid: number } | undefined {
  if (text === '') return undefined
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? []
  if (uid === undefined || gid === undefined)
    throw badRequest(`invalid HostConfig.IDMappings.Caller: "${text}" is not uid:gid`)
  return { uid: Number(uid), gid: Number(gid) }
}

/** What inspect says of a container's users: how they were asked for, and what they are. Nothing of one with those of the host. */
export function shownUsers({ users }: ContainerSpec): { UsernsMode?: string; IDMappings?: IDMappings } {
  if (users === undefined) return {}
  const text = ({ inside, outside, size }: { inside: number; outside: number; size: number }): string =>
    `${inside}:${outside}:${size}`
  return { UsernsMode: users.mode, IDMappings: { UidMap: users.uids.map(text), GidMap: users.gids.map(text) } }
}
