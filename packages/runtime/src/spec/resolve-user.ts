import { RuntimeError } from '../runtime-error.ts'
import { textInRoot } from './text-in-root.ts'
import type { UserSpec } from './runtime-spec.ts'

/** A user as the kernel wants it, with the home directory that the root file system knows. */
export interface ResolvedUser extends UserSpec {
  readonly additionalGids: readonly number[]
  /** `/` when the user is not in /etc/passwd. */
  readonly home: string
  /** Name of the user, if it has one. */
  readonly name: string | undefined
}

interface PasswdEntry {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

interface GroupEntry {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

const largestId = 2 ** 31 - 1

/**
 * Looks up `name|uid[:group|gid]` in the /etc/passwd and /etc/group of a root file system, by Docker's rules: a number needs no entry;
 * an absent text is root; supplementary groups are taken only when no group was given. The files are never read outside of the root.
 * @throws RuntimeError USER_UNKNOWN
 */
export function resolveUser(rootfs: string, text: string, extraGroups: readonly string[] = []): ResolvedUser {
  const [userPart = '', groupPart] = text.split(':', 2)
  const users = parsePasswd(textInRoot(rootfs, 'etc/passwd'))
  const groups = parseGroup(textInRoot(rootfs, 'etc/group'))
  const wanted = userPart === '' ? '0' : userPart
  const number = idOf(wanted)
  const entry = users.find((user) => user.name === wanted) ?? users.find((user) => user.uid === number)
  if (entry === undefined && number === undefined) throw unknown('user', wanted, '/etc/passwd')
  const uid = entry?.uid ?? number ?? 0
  const gid = groupPart === undefined || groupPart === '' ? (entry?.gid ?? 0) : groupOf(groups, groupPart)
  const implied =
    groupPart === undefined || groupPart === ''
      ? groups.filter((group) => entry !== undefined && group.members.includes(entry.name)).map((group) => group.gid)
      : []
  const additionalGids = [...new Set([gid, ...implied, ...extraGroups.map((name) => groupOf(groups, name))])]
  return {
    uid,
    gid,
    additionalGids,
    home: entry === undefined || entry.home === '' ? '/' : entry.home,
    name: entry?.name,
  }
}

function groupOf(groups: readonly GroupEntry[], text: string): number {
  const number = idOf(text)
  const entry = groups.find((group) => group.name === text)
  if (entry !== undefined) return entry.gid
  if (number === undefined) throw unknown('group', text, '/etc/group')
  return number
}

function unknown(what: string, name: string, file: string): RuntimeError {
  return new RuntimeError('USER_UNKNOWN', `unable to find ${what} ${name}: no matching entries in ${file}`, {
    subject: name,
    hint: `give a number, or a name that ${file} of the image has`,
  })
}

function idOf(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined
  const value = Number(text)
  return value <= largestId ? value : undefined
}

function parsePasswd(text: string): PasswdEntry[] {
  return rows(text).flatMap(([name = '', , uid = '', gid = '', , home = '']) => {
    const [user, group] = [idOf(uid), idOf(gid)]
    return name === '' || user === undefined || group === undefined ? [] : [{ name, uid: user, gid: group, home }]
  })
}

function parseGroup(text: string): GroupEntry[] {
  return rows(text).flatMap(([name = '', , id = '', members = '']) => {
    const gid = idOf(id)
    return name === '' || gid === undefined ? [] : [{ name, gid, members: members.split(',').filter(Boolean) }]
  })
}

function rows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.trim().split(':'))
}
