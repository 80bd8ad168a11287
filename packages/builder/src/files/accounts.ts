import type { Readable } from './node.ts'
import { resolvePath } from './resolve-path.ts'

/** A line of /etc/passwd. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

/** A line of /etc/group. */
export interface Group {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

/** Who is known in a root file system; empty where the files are missing. Malformed lines are skipped. */
export interface Accounts {
  readonly users: readonly Account[]
  readonly groups: readonly Group[]
}

/** Reads /etc/passwd and /etc/group of a root file system, links resolved within it. */
export async function readAccounts(root: Readable): Promise<Accounts> {
  const [passwd, group] = await Promise.all(['etc/passwd', 'etc/group'].map((path) => readLines(root, path)))
  return {
    users: (passwd ?? []).flatMap((line): Account[] => {
      const [name, , uid, gid, , home] = line.split(':')
      if (name === undefined || !isId(uid) || !isId(gid)) return []
      return [{ name, uid: Number(uid), gid: Number(gid), home: home ?? '' }]
    }),
    groups: (group ?? []).flatMap((line): Group[] => {
      const [name, , gid, members] = line.split(':')
      if (name === undefined || !isId(gid)) return []
      return [{ name, gid: Number(gid), members: (members ?? '').split(',').filter((member) => member !== '') }]
    }),
  }
}

/** Whether a text is a user or group number. */
export function isId(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) <= 0xffff_fffe
}

async function readLines(root: Readable, path: string): Promise<string[]> {
  const bytes = await root.readSmall(resolvePath(root, path, { followLast: true }))
  return bytes === undefined ? [] : new TextDecoder().decode(bytes).split('\n')
}
