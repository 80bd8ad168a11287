import { TarError } from './errors.ts'
import type { TarHeader, TarType } from './header.ts'
import { parsePaxCount, parsePaxTime, type PaxRecords } from './pax.ts'
import type { RawHeader } from './raw-header.ts'

/** What GNU's long-name entries before an entry say. */
export interface LongNames {
  readonly path?: string
  readonly linkPath?: string
}

const types: Readonly<Record<string, TarType>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
  S: 'file',
}

/**
 * Puts together what a header block, the PAX records and GNU's long names before it say; the later ones win.
 * `size` is that of the stored body.
 *
 * @throws {TarError} UNSUPPORTED, HEADER_INVALID
 */
export function mergeHeader(raw: RawHeader, records: PaxRecords, names: LongNames, offset: number): TarHeader {
  const { values, xattrs } = records
  const count = (key: string, fallback: number): number => {
    const value = values.get(key)
    return value === undefined ? fallback : parsePaxCount(key, value, offset)
  }
  const path = values.get('GNU.sparse.name') ?? names.path ?? values.get('path') ?? raw.path
  const type = typeOf(raw, path, offset)
  const linkPath = names.linkPath ?? values.get('linkpath') ?? raw.linkPath
  const mtime = values.get('mtime')
  const uname = values.get('uname') ?? raw.uname
  const gname = values.get('gname') ?? raw.gname
  const header: { -readonly [Key in keyof TarHeader]: TarHeader[Key] } = {
    path: type === 'directory' ? withoutSlash(path) : path,
    type,
    mode: raw.mode,
    uid: count('uid', raw.uid),
    gid: count('gid', raw.gid),
    // As Go reads them: only files have a body, whatever a link's header says.
    size: type === 'file' ? count('size', raw.size) : 0,
    mtime: mtime === undefined ? raw.mtime : parsePaxTime('mtime', mtime, offset),
  }
  if (type === 'symlink' || type === 'hardlink') header.linkPath = linkPath
  if (uname !== '') header.uname = uname
  if (gname !== '') header.gname = gname
  if (type === 'character' || type === 'block') {
    header.devMajor = raw.devMajor
    header.devMinor = raw.devMinor
  }
  if (xattrs.size > 0) header.xattrs = Object.fromEntries(xattrs)
  return header
}

function typeOf(raw: RawHeader, path: string, offset: number): TarType {
  const type = Object.hasOwn(types, raw.type) ? types[raw.type] : undefined
  if (type === undefined) {
    const shown = JSON.stringify(raw.type)
    throw new TarError('UNSUPPORTED', `Cannot read the tar entry at byte ${offset}: its type ${shown} is not known`, {
      offset,
    })
  }
  // V7 has no type for directories.
  return type === 'file' && path.endsWith('/') ? 'directory' : type
}

function withoutSlash(path: string): string {
  let end = path.length
  while (end > 1 && path.charCodeAt(end - 1) === 0x2f) end--
  return end === path.length ? path : path.slice(0, end)
}
