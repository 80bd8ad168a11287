import { chownSync, closeSync, fchmodSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Change } from '../ledger/change.ts'
import type { Door } from '../ledger/door.ts'
import { SystemCallError } from '../sys/system-call-error.ts'
import { inodeOf, sameInode, statAt } from './path-identity.ts'
import { shellWords } from './shell-quote.ts'

/** Arguments of {@link file}. */
export type FileArgs = {
  readonly path: string
  /** UTF-8; small, since the ledger keeps it. */
  readonly content: string
  /** Default: 0o644. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** Somebody rewrites it later: an existing file is replaced, and undo removes whatever is at the path. Default: false. */
  readonly mutable?: boolean
}

/** A file with a content, written atomically, with missing parent directories. */
export function file(args: FileArgs, why: string): Change<FileArgs> {
  return { kind: 'file', args, why }
}

const EEXIST = 17

/** The door of {@link file}. */
export const fileDoor: Door<FileArgs> = {
  kind: 'file',
  lasting: true,
  describe: ({ path, content }) => ({
    sentence: `Write the file ${path} (${String(Buffer.byteLength(content))} bytes)`,
    command: `${shellWords('printf', '%s', content.length > 80 ? `${content.slice(0, 80)}…` : content)} > ${shellWords(path)}`,
    undo: shellWords('rm', path),
  }),
  observe: ({ path, mutable }) => {
    const stat = statAt(path)
    if (stat !== undefined && (mutable !== true || stat.isDirectory())) {
      throw new SystemCallError(EEXIST, 'write', `"${path}": something is there already`)
    }
    return undefined
  },
  apply: async ({ path, content, mode = 0o644, uid, gid }) => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    const next = `${path}.next`
    rmSync(next, { force: true })
    const fd = openSync(next, 'wx', mode)
    try {
      writeSync(fd, content)
      fchmodSync(fd, mode)
    } finally {
      closeSync(fd)
    }
    if (uid !== undefined || gid !== undefined) chownSync(next, uid ?? 0, gid ?? 0)
    renameSync(next, path)
    const stat = statAt(path)
    return stat === undefined ? undefined : inodeOf(stat)
  },
  undo: async ({ path, mutable }, identity) => {
    rmSync(`${path}.next`, { force: true })
    const stat = statAt(path)
    if (stat === undefined || stat.isDirectory()) return
    if (mutable !== true && identity !== undefined && !sameInode(inodeOf(stat), identity)) return
    rmSync(path, { force: true })
  },
}
