import { chmodSync, chownSync, mkdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Change } from '../ledger/change.ts'
import type { Door } from '../ledger/door.ts'
import { errorCode, SystemCallError } from '../sys/system-call-error.ts'
import { inodeOf, sameInode, statAt } from './path-identity.ts'
import { removeTree } from './remove-tree.ts'
import { shellWords } from './shell-quote.ts'

/** Arguments of {@link directory}. */
export type DirectoryArgs = {
  readonly path: string
  /** Default: 0o755. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** Names of directories made inside it, with mode 0o755. */
  readonly children?: readonly string[]
  /** Undo removes the directory only if it is empty. Default: false, undo removes what is inside too. */
  readonly keepContent?: boolean
  /** Who makes it, when it is not this door: apply then does nothing, and undo removes what is there, a file too. */
  readonly madeBy?: string
}

/** A directory, with missing parents. One that is there already is used, and then undo leaves it. Undo never crosses a mount. */
export function directory(args: DirectoryArgs, why: string): Change<DirectoryArgs> {
  return { kind: 'directory', args, why }
}

const ENOTDIR = 20

/** The door of {@link directory}. */
export const directoryDoor: Door<DirectoryArgs> = {
  kind: 'directory',
  lasting: true,
  describe: ({ path, mode = 0o755, children = [], keepContent, madeBy }) => ({
    sentence: madeBy === undefined ? `Make the directory ${path}` : `Expect the directory ${path} from ${madeBy}`,
    command:
      madeBy === undefined
        ? shellWords('mkdir', '-p', '-m', mode.toString(8), path, ...children.map((name) => join(path, name)))
        : '',
    undo: keepContent === true ? shellWords('rmdir', path) : shellWords('rm', '-r', '--one-file-system', path),
  }),
  observe: ({ path, madeBy }) => {
    if (madeBy !== undefined) return undefined
    const stat = statAt(path)
    if (stat === undefined) return undefined
    if (!stat.isDirectory()) throw new SystemCallError(ENOTDIR, 'mkdir', `"${path}": something else is there`)
    return { existed: true }
  },
  apply: async ({ path, mode = 0o755, uid, gid, children = [], madeBy }, { prior }) => {
    if (madeBy !== undefined) return undefined
    if (prior === undefined) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
      mkdirSync(path, mode)
      chmodSync(path, mode)
      if (uid !== undefined || gid !== undefined) chownSync(path, uid ?? 0, gid ?? 0)
    }
    for (const name of children) mkdirSync(join(path, name), { recursive: true, mode: 0o755 })
    const stat = statAt(path)
    return stat === undefined ? undefined : inodeOf(stat)
  },
  undo: async ({ path, keepContent, madeBy }, identity, { prior }) => {
    if (prior !== undefined) return
    const stat = statAt(path)
    if (stat === undefined) return
    if (!stat.isDirectory()) {
      if (madeBy !== undefined) rmSync(path, { force: true })
      return
    }
    if (identity !== undefined && !sameInode(inodeOf(stat), identity)) return
    if (keepContent === true) removeEmpty(path)
    else await removeTree(path)
  },
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch (error) {
    const code = errorCode(error)
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error
  }
}
