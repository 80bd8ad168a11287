import { closeSync, constants, openSync } from 'node:fs'
import { errno, libc } from './libc.ts'
import { SystemCallError } from './system-call-error.ts'

const flockCall = libc('flock', ['int32', 'int32'])

const LOCK_EX = 2
const LOCK_NB = 4
const EWOULDBLOCK = 11

/** A lock that this process holds until it disposes of it or ends, however it ends. */
export type FileLock = Disposable

/**
 * Takes the exclusive lock of a file (flock(2)), which is made when it is not there and stays. Its descriptor is closed in
 * every program that this process starts.
 *
 * @returns undefined when another process has the lock
 * @throws SystemCallError
 */
export function lockFile(path: string): FileLock | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  if (Number(flockCall(fd, LOCK_EX | LOCK_NB)) === 0) return { [Symbol.dispose]: () => closeSync(fd) }
  const code = errno()
  closeSync(fd)
  if (code === EWOULDBLOCK) return undefined
  throw new SystemCallError(code, 'flock', `"${path}"`)
}
