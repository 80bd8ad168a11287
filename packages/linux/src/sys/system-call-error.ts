import { constants } from 'node:os'

const names = new Map<number, string>()
for (const [name, number] of Object.entries(constants.errno)) if (!names.has(number)) names.set(number, name)

const advice: Readonly<Record<string, string>> = {
  EACCES: 'check the permissions, or run as root',
  EBUSY: 'something still uses it',
  EDQUOT: 'the disk quota is used up',
  EMFILE: 'too many open files: raise the limit with "ulimit -n"',
  ENOSPC: 'the disk is full: free some space',
  EPERM: 'run as root',
  EROFS: 'the file system is read-only',
}

/** A system call that failed. `code` is the errno's name, such as `ENOENT`; `syscall` the call, such as `mount`. */
export class SystemCallError extends Error {
  override readonly name = 'SystemCallError'
  readonly code: string
  readonly errno: number
  readonly syscall: string
  readonly hint: string | undefined

  constructor(errno: number, syscall: string, subject: string) {
    const code = names.get(errno) ?? `E${String(errno)}`
    const unknownFileSystem = code === 'ENODEV' && syscall === 'mount'
    const hint = unknownFileSystem ? 'the kernel does not know this file system: load its module' : advice[code]
    super(`Cannot ${syscall} ${subject}: ${code}${hint === undefined ? '' : ` (${hint})`}`)
    this.code = code
    this.errno = errno
    this.syscall = syscall
    this.hint = hint
  }
}

/** The errno's name of an error from a system call, Node's own included; undefined for other errors. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
