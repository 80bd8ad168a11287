import { join } from 'node:path'
import { users as userNamespace } from '@gantry/linux'
import type { MappedOwners } from '@gantry/snapshot'
import type { Context } from '../context.ts'
import { shortId } from '../container/identity.ts'
import type { ContainerRecord } from '../container/record.ts'
import { outsideOf } from '../container/users/container-users.ts'

/** Makes the user namespace of a run, for a container that has one: its processes are in it, and its files are mounted by it. It belongs to `owner`. */
export function makeUsers(context: Context, record: ContainerRecord, owner: string): Promise<MappedOwners | undefined> {
  return made(context, record, { owner, name: shortId(record.id) })
}

/** Makes the user namespace by which files of a container are mounted while it does not run, for one that has mapped users. It belongs to `owner`. */
export function makeOwners(
  context: Context,
  record: ContainerRecord,
  owner: string,
): Promise<MappedOwners | undefined> {
  return made(context, record, { owner, name: `${shortId(record.id)}-files` })
}

async function made(
  { site, ledger }: Context,
  { spec: { users } }: ContainerRecord,
  { owner, name }: { owner: string; name: string },
): Promise<MappedOwners | undefined> {
  if (users === undefined) return undefined
  const namespace = join(site.run, 'users', name)
  const why = `its users are others outside, as --userns=${users.mode} asks for; its files keep their ids on the disk`
  await ledger.apply(owner, [userNamespace({ path: namespace, uids: users.uids, gids: users.gids }, why)])
  return { namespace, root: outsideOf(users, { uid: 0, gid: 0 }) }
}
