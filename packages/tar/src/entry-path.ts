import { TarError } from './errors.ts'

/** The longest path, in characters: Linux takes none of more bytes, and each directory above a file costs memory. */
const longestPath = 4096

/**
 * Brings an entry's path to its one form: relative to the root, without `.`, empty parts or a slash at the end;
 * `.` is the root itself. `..` is resolved by the text alone.
 *
 * @throws {TarError} PATH_ESCAPES: it leads out of the root; HEADER_INVALID: it is empty or contains a NUL; LIMIT: it is longer than
 *   4096 characters
 */
export function normalizeEntryPath(path: string): string {
  if (path.length > longestPath) {
    const start = JSON.stringify(path.slice(0, 60))
    throw new TarError('LIMIT', `Cannot use the entry path ${start}…: it has more than ${longestPath} characters`)
  }
  if (isNormal(path)) return path
  if (path === '' || path.includes('\0')) {
    throw new TarError('HEADER_INVALID', `Cannot use the entry path ${JSON.stringify(path)}: it is empty or has a NUL`)
  }
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) {
      throw new TarError('PATH_ESCAPES', `Cannot use the entry path ${JSON.stringify(path)}: it leads out of the root`)
    }
  }
  return parts.length === 0 ? '.' : parts.join('/')
}

// Most paths: no part begins with a dot, none is empty.
function isNormal(path: string): boolean {
  let atStart = true
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at)
    if (code === 0 || (atStart && (code === 0x2e || code === 0x2f))) return false
    atStart = code === 0x2f
  }
  return !atStart
}
