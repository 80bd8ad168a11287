import { join } from 'node:path'
import { users as userNamespace } from '@gantry/linux'
import type { MappedOwners } from '@gantry/snapshot'
import type { Context } from '../context.ts'
import { shortId } from '../container/identity.ts'
import type { ContainerRecord } from '../container/record.ts'
import { outsideOf, withMaker } from '../container/users/container-users.ts'

/** The user namespaces of a run: the one that its processes are in, and the one by which its files are mounted. */
export interface MadeUsers {
  readonly path: string
  readonly owners: MappedOwners
}

/** Makes the user namespaces of a run, for a container that has one. They belong to `owner`. */
export async function makeUsers(
  context: Context,
  record: ContainerRecord,
  owner: string,
): Promise<MadeUsers | undefined> {
  const { users } = record.spec
  if (users === undefined) return undefined
  const path = join(context.site.run, 'users', shortId(record.id))
  const why = `its users are others outside, as --userns=${users.mode} asks for`
  await context.ledger.apply(owner, [userNamespace({ path, uids: users.uids, gids: users.gids }, why)])
  const owners = await makeOwners(context, record, owner)
  return owners === undefined ? undefined : { path, owners }
}

/** Makes the user namespace by which files of a container are mounted, for one that has mapped users. It belongs to `owner`. */
export async function makeOwners(
  context: Context,
  { id, spec: { users } }: ContainerRecord,
  owner: string,
): Promise<MappedOwners | undefined> {
  if (users === undefined) return undefined
  const namespace = join(context.site.run, 'users', `${shortId(id)}-files`)
  const why = 'files of its root file system and its volumes have its users as owners, and keep their ids on the disk'
  await context.ledger.apply(owner, [userNamespace({ path: namespace, ...withMaker(users) }, why)])
  return { namespace, group: outsideOf(users, { uid: 0, gid: 0 }).gid }
}
