import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { StateError } from './state-error.ts'

// Primary result codes: https://www.sqlite.org/rescode.html
const SQLITE_PERM = 3
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const SQLITE_READONLY = 8
const SQLITE_IOERR = 10
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_CANTOPEN = 14
const SQLITE_NOTADB = 26

/** The primary SQLite result code of an error that `node:sqlite` threw; `undefined` for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}

/** Whether the error says that another process holds the lock. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === SQLITE_BUSY || code === SQLITE_LOCKED
}

/**
 * Translates an error of `node:sqlite` that is about the database file as a whole (busy, full, damaged, out of reach)
 * into a {@link StateError}. Errors about one statement (syntax, constraint) and errors of other kinds come back as they are.
 */
export function translateError(error: unknown, path: string): unknown {
  const quoted = JSON.stringify(path)
  const detail = error instanceof Error ? error.message : String(error)
  switch (sqliteCode(error)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return new StateError('STATE_BUSY', `Cannot write to ${quoted}: another process held its lock for over 5 s`, {
        cause: error,
        hint: 'try again when the other gantry command is done',
      })
    case SQLITE_FULL:
      return full(error, quoted)
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return new StateError('STATE_DAMAGED', `Cannot read ${quoted}: the database is damaged (${detail})`, {
        cause: error,
        hint: 'stop gantry, restore the file from a backup, or move it and its -wal and -shm files away to start empty (blobs stay)',
      })
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      // Its -wal and -shm files may be what there is no room for: SQLite does not say so.
      if (hasNoRoom(path)) return full(error, quoted)
      return new StateError('STATE_UNAVAILABLE', `Cannot use the database ${quoted}: ${detail}`, {
        cause: error,
        hint: 'check that the directory exists and that you may write to it, or set GANTRY_ROOT to one of your own',
      })
    default:
      return error
  }
}

function full(cause: unknown, quoted: string): StateError {
  return new StateError('STATE_FULL', `Cannot write to ${quoted}: the disk is full`, {
    cause,
    hint: 'free space on that file system and try again',
  })
}

function hasNoRoom(path: string): boolean {
  try {
    const { bavail, blocks } = statfsSync(dirname(path))
    return blocks > 0 && bavail === 0
  } catch {
    return false
  }
}
