import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync } from 'node:fs'
import { posix } from 'node:path'

const mostLinks = 40
const mostBytes = 4 * 1024 * 1024

/**
 * The text of a file of a root file system, with symbolic links followed as the container would: one that points to / or above stays
 * inside. Empty when there is no such file, or it is not a regular one. Reads at most 4 MiB.
 */
export function readInRoot(rootfs: string, path: string): string {
  const target = locate(rootfs, path)
  if (target === undefined) return ''
  let fd: number
  try {
    // The last part is no link any more; a device or a pipe must not block.
    fd = openSync(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return ''
  }
  try {
    const { size } = fstatSync(fd)
    if (!fstatSync(fd).isFile()) return ''
    const buffer = Buffer.alloc(Math.min(size, mostBytes))
    const length = readSync(fd, buffer, 0, buffer.length, 0)
    return buffer.toString('utf8', 0, length)
  } finally {
    closeSync(fd)
  }
}

/** The host's path of a path inside, every link resolved within the root; undefined for a loop or what is missing. */
function locate(rootfs: string, path: string): string | undefined {
  let pending = path.split('/').filter(Boolean)
  let resolved = '/'
  let links = 0
  while (pending.length > 0) {
    const [name = '', ...rest] = pending
    pending = rest
    if (name === '.') continue
    if (name === '..') {
      resolved = posix.dirname(resolved)
      continue
    }
    const candidate = posix.join(resolved, name)
    let target: string | undefined
    try {
      if (lstatSync(rootfs + candidate).isSymbolicLink()) target = readlinkSync(rootfs + candidate)
    } catch {
      return undefined
    }
    if (target === undefined) {
      resolved = candidate
      continue
    }
    if (++links > mostLinks) return undefined
    if (target.startsWith('/')) resolved = '/'
    pending = [...target.split('/').filter(Boolean), ...rest]
  }
  return rootfs + resolved
}
