import { unlinkSync } from 'node:fs'
import type { Change } from '../ledger/change.ts'
import type { Door } from '../ledger/door.ts'
import { unmountNow } from '../sys/mount.ts'
import { errorCode, SystemCallError } from '../sys/system-call-error.ts'
import { makeUserNamespace, type IdRange } from '../sys/user-namespace.ts'
import { inodeOf, sameInode, statAt } from './path-identity.ts'
import { shellWords } from './shell-quote.ts'

/** Arguments of {@link users}. */
export type UsersArgs = {
  /** Where it is kept. */
  readonly path: string
  readonly uids: readonly IdRange[]
  readonly gids: readonly IdRange[]
}

/** A user namespace with its maps, kept at a path. */
export function users(args: UsersArgs, why: string): Change<UsersArgs> {
  return { kind: 'users', args, why }
}

const EEXIST = 17

/** The door of {@link users}. */
export const usersDoor: Door<UsersArgs> = {
  kind: 'users',
  describe: ({ path, uids, gids }) => ({
    sentence: `Make the user namespace ${path}: ${mapSentence('users', uids)}; ${mapSentence('groups', gids)}`,
    command: [
      shellWords('touch', path),
      shellWords(
        'unshare',
        `--user=${path}`,
        ...uids.map((range) => `--map-users=${words(range)}`),
        ...gids.map((range) => `--map-groups=${words(range)}`),
        'true',
      ),
    ].join(' && '),
    undo: `${shellWords('umount', path)} && ${shellWords('rm', path)}`,
  }),
  observe: ({ path }) => {
    if (statAt(path) === undefined) return undefined
    throw new SystemCallError(EEXIST, 'make', `the user namespace "${path}": something is there already`)
  },
  apply: async ({ path, uids, gids }) => {
    await makeUserNamespace(path, { uids, gids })
    const stat = statAt(path)
    return stat === undefined ? undefined : inodeOf(stat)
  },
  undo: async ({ path }, identity) => {
    const stat = statAt(path)
    if (stat === undefined) return
    if (identity !== undefined && !sameInode(inodeOf(stat), identity)) return
    while (unmountNow(path, { detach: true })) continue
    try {
      unlinkSync(path)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
  },
}

function words({ inside, outside, size }: IdRange): string {
  return `${String(outside)},${String(inside)},${String(size)}`
}

function mapSentence(what: string, ranges: readonly IdRange[]): string {
  const parts = ranges.map(({ inside, outside, size }) =>
    size === 1
      ? `${String(inside)} is ${String(outside)}`
      : `${String(inside)} to ${String(inside + size - 1)} are ${String(outside)} to ${String(outside + size - 1)}`,
  )
  return `${what} ${parts.join(', ')} outside`
}
