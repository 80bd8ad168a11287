import { constants } from 'node:fs'
import { checked, errno, libc, type NativeValue } from './libc.ts'
import { quoted, type Name } from './name.ts'
import { systemCall } from './system-call.ts'
import { SystemCallError } from './system-call-error.ts'

const openatCall = libc('openat', ['int32', 'string', 'int32', 'uint32'])
const mkdiratCall = libc('mkdirat', ['int32', 'string', 'uint32'])
const symlinkatCall = libc('symlinkat', ['string', 'int32', 'string'])
const linkatCall = libc('linkat', ['int32', 'string', 'int32', 'string', 'int32'])
const unlinkatCall = libc('unlinkat', ['int32', 'string', 'int32'])
const mknodatCall = libc('mknodat', ['int32', 'string', 'uint32', 'uint64'])
const fchownatCall = libc('fchownat', ['int32', 'string', 'uint32', 'uint32', 'int32'])
const fchmodatCall = libc('fchmodat', ['int32', 'string', 'uint32', 'int32'])
const utimensatCall = libc('utimensat', ['int32', 'pointer', 'pointer', 'int32'])
const futimensCall = libc('futimens', ['int32', 'pointer'])
const renameat2Call = libc('renameat2', ['int32', 'string', 'int32', 'string', 'uint32'])
const closeCall = libc('close', ['int32'])
const umaskCall = libc('umask', ['uint32'], 'uint32')
const unshareCall = libc('unshare', ['int32'])

const O_CLOEXEC = 0o2000000
const O_PATH = 0o10000000
const AT_SYMLINK_NOFOLLOW = 0x100
const AT_REMOVEDIR = 0x200
// The number of every call added since Linux 5.1 is the same on all architectures.
const SYS_openat2 = 437n
const EEXIST = 17

/** Flags for {@link openAt}: the platform's own numbers, since some differ between architectures. */
export const open: Readonly<Record<'create' | 'read' | 'directory' | 'path', number>> = {
  create: constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW | O_CLOEXEC,
  read: constants.O_RDONLY | constants.O_NOFOLLOW | O_CLOEXEC,
  directory: constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | O_CLOEXEC,
  path: O_PATH | constants.O_NOFOLLOW | O_CLOEXEC,
}

/** How openat2(2) walks a path. */
export const resolve = { noMagicLinks: 0x02, noSymlinks: 0x04, beneath: 0x08, inRoot: 0x10 } as const

/** Opens a name in a directory. @throws SystemCallError */
export function openAt(directory: number, name: Name, flags: number, mode = 0): number {
  return checked(openatCall(directory, name, flags, mode), 'open', quoted(name))
}

/** Creates a file that must not exist yet. @returns undefined when the name is taken @throws SystemCallError */
export function createAt(directory: number, name: Name, mode: number): number | undefined {
  const fd = Number(openatCall(directory, name, open.create, mode))
  if (fd >= 0) return fd
  return taken('create', name)
}

/**
 * Opens a path as a reference (O_PATH) that stays beneath a directory: `..`, absolute paths and symbolic links that leave it
 * fail with EXDEV, links of /proc with ELOOP. With `inRoot` they are followed as if the directory were the root, as in chroot(2).
 * The kernel checks while it walks, so nothing can be swapped in between.
 * @throws SystemCallError
 */
export function openBeneath(
  root: number,
  path: Name,
  options: {
    readonly directory?: boolean
    readonly noSymlinks?: boolean
    readonly inRoot?: boolean
    /** Whether a symbolic link at the path's end is followed too; always so for directories. */
    readonly follow?: boolean
  } = {},
): number {
  // struct open_how: flags, mode, resolve, each u64.
  const how = new BigUint64Array(3)
  const last = options.directory === true ? constants.O_DIRECTORY : options.follow === true ? 0 : constants.O_NOFOLLOW
  const flags = O_PATH | O_CLOEXEC | last
  how[0] = BigInt(flags)
  const walk = options.inRoot === true ? resolve.inRoot : resolve.beneath
  how[2] = BigInt(walk | resolve.noMagicLinks | (options.noSymlinks === true ? resolve.noSymlinks : 0))
  const result = systemCall(SYS_openat2, BigInt(root), path === '' ? '.' : path, how, 24n)
  return checked(result, 'openat2', quoted(path))
}

/** Makes a directory. @returns false when the name is taken @throws SystemCallError */
export function mkdirAt(directory: number, name: Name, mode: number): boolean {
  return Number(mkdiratCall(directory, name, mode)) === 0 || taken('mkdir', name) !== undefined
}

/** Makes a symbolic link. @returns false when the name is taken @throws SystemCallError */
export function symlinkAt(target: Name, directory: number, name: Name): boolean {
  return Number(symlinkatCall(target, directory, name)) === 0 || taken('symlink', name) !== undefined
}

/** Makes a hard link, to the symbolic link itself if it is one. @returns false when the name is taken @throws SystemCallError */
export function linkAt(fromDirectory: number, from: Name, directory: number, name: Name): boolean {
  return Number(linkatCall(fromDirectory, from, directory, name, 0)) === 0 || taken('link', name) !== undefined
}

/** Makes a device, FIFO or file, by its whole mode. @returns false when the name is taken @throws SystemCallError */
export function makeNodeAt(directory: number, name: Name, mode: number, device: bigint): boolean {
  return Number(mknodatCall(directory, name, mode, device)) === 0 || taken('mknod', name) !== undefined
}

/** Removes a name. @throws SystemCallError */
export function unlinkAt(directory: number, name: Name, options: { readonly directory?: boolean } = {}): void {
  const flags = options.directory === true ? AT_REMOVEDIR : 0
  checked(unlinkatCall(directory, name, flags), 'unlink', quoted(name))
}

/** Changes owner and group; of the symbolic link itself, if it is one. @throws SystemCallError */
export function chownAt(directory: number, name: Name, uid: number, gid: number): void {
  checked(fchownatCall(directory, name, uid, gid, AT_SYMLINK_NOFOLLOW), 'chown', quoted(name))
}

/** Changes permissions. Follows a symbolic link: the caller knows that there is none. @throws SystemCallError */
export function chmodAt(directory: number, name: Name, mode: number): void {
  checked(fchmodatCall(directory, name, mode, 0), 'chmod', quoted(name))
}

const times = new BigInt64Array(4)

/** Sets access and modification time, in seconds; of the symbolic link itself, if it is one. @throws SystemCallError */
export function setTimesAt(directory: number, name: Name, mtime: number): void {
  checked(utimensatCall(directory, name, timespecs(mtime), AT_SYMLINK_NOFOLLOW), 'utimensat', quoted(name))
}

/** Sets access and modification time of an open file, in seconds. @throws SystemCallError */
export function setTimes(fd: number, mtime: number): void {
  checked(futimensCall(fd, timespecs(mtime)), 'futimens', 'an open file')
}

/** Renames without replacing what is there (RENAME_NOREPLACE). @returns false when the name is taken @throws SystemCallError */
export function renameAt(fromDirectory: number, from: Name, directory: number, name: Name): boolean {
  return Number(renameat2Call(fromDirectory, from, directory, name, 1)) === 0 || taken('rename', name) !== undefined
}

/** Closes a descriptor that one of these calls has opened. Never throws. */
export function close(fd: number): void {
  closeCall(fd)
}

/** Gives this thread a working directory and a file mode mask of its own, and clears the mask. For workers. @throws SystemCallError */
export function clearThreadMask(): void {
  checked(unshareCall(0x200), 'unshare', 'the file mode mask')
  umaskCall(0)
}

function timespecs(mtime: number): NativeValue {
  const seconds = Math.floor(mtime)
  times[0] = BigInt(seconds)
  times[1] = BigInt(Math.min(999_999_999, Math.round((mtime - seconds) * 1e9)))
  times[2] = times[0]
  times[3] = times[1]
  return times
}

function taken(syscall: string, name: Name): undefined {
  const code = errno()
  if (code === EEXIST) return undefined
  throw new SystemCallError(code, syscall, quoted(name))
}
