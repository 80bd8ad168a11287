import { BuildError } from '../build-error.ts'
import { type Accounts, isId } from './accounts.ts'

/** A user and a group by number. */
export interface OwnerIds {
  readonly uid: number
  readonly gid: number
}

/** Splits `user`, `user:group` or `:group`; whether names have to be looked up is told too. */
export function parseOwner(text: string): {
  readonly user: string
  readonly group: string | undefined
  readonly names: boolean
} {
  const colon = text.indexOf(':')
  const user = colon === -1 ? text : text.slice(0, colon)
  const group = colon === -1 ? undefined : text.slice(colon + 1)
  const groupAlone = user === '' && group !== undefined
  return { user, group, names: (!groupAlone && !isId(user)) || (group !== undefined && !isId(group)) }
}

/**
 * The numbers that `--chown` means: names come from the accounts; a number without a group is both; a name without a
 * group has the group of its account; a group alone leaves the user root. @throws BuildError USER_UNKNOWN
 */
export function resolveOwner(text: string, accounts: Accounts): OwnerIds {
  const { user, group } = parseOwner(text)
  const alone = user === '' && group !== undefined
  const found = alone
    ? { uid: 0, gid: 0 }
    : isId(user)
      ? { uid: Number(user), gid: Number(user) }
      : findUser(user, accounts)
  return { uid: found.uid, gid: group === undefined ? found.gid : findGroup(group, accounts) }
}

function findUser(name: string, accounts: Accounts): OwnerIds {
  const account = accounts.users.find((candidate) => candidate.name === name)
  if (account !== undefined) return { uid: account.uid, gid: account.gid }
  throw new BuildError('USER_UNKNOWN', `Cannot find the user "${name}": the image's /etc/passwd does not have it`, {
    hint: 'create it in a RUN before, or use numbers',
  })
}

function findGroup(name: string, accounts: Accounts): number {
  if (isId(name)) return Number(name)
  const group = accounts.groups.find((candidate) => candidate.name === name)
  if (group !== undefined) return group.gid
  throw new BuildError('USER_UNKNOWN', `Cannot find the group "${name}": the image's /etc/group does not have it`, {
    hint: 'create it in a RUN before, or use numbers',
  })
}
