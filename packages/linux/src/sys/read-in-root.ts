import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { close, openBeneath } from './at.ts'
import { errorCode, SystemCallError } from './system-call-error.ts'

const EFBIG = 27

/**
 * Reads a file of a root file system that somebody else may be changing, with symbolic links followed as inside it: the kernel
 * keeps the walk in the root (openat2 with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS). Never blocks on pipes or devices.
 * @returns undefined when there is no such file, or it is not a regular one
 * @throws SystemCallError EFBIG when it has more than `limit` bytes
 */
export function readInRoot(root: string, path: string, limit: number): Buffer | undefined {
  const top = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY)
  let reference: number | undefined
  let fd: number | undefined
  try {
    reference = openBeneath(top, path, { inRoot: true, follow: true })
    const stat = fstatSync(reference)
    if (!stat.isFile()) return undefined
    if (stat.size > limit) throw new SystemCallError(EFBIG, 'read', `"${path}" in "${root}"`)
    // The reference names exactly the file that was checked.
    fd = openSync(`/proc/self/fd/${String(reference)}`, constants.O_RDONLY)
    const buffer = Buffer.allocUnsafe(stat.size)
    let length = 0
    for (let count = -1; count !== 0 && length < buffer.length; length += count) {
      count = readSync(fd, buffer, length, buffer.length - length, null)
    }
    return buffer.subarray(0, length)
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined
    throw error
  } finally {
    if (fd !== undefined) closeSync(fd)
    if (reference !== undefined) close(reference)
    closeSync(top)
  }
}
