/** The errors by which the kernel refuses: not permitted, access denied, read-only, not there (as filters pretend). */
export type RefusalError = 'EPERM' | 'EACCES' | 'EROFS' | 'ENOSYS'

/** A system call that the kernel refused, with what decides why, looked at while the process was stopped at it. */
export interface Refusal {
  /** `mount`, or `system call 999` where the number is not known. */
  readonly call: string
  readonly error: RefusalError
  /** The six arguments as they were passed. */
  readonly args: readonly bigint[]
  readonly process: RefusedProcess
  /** The files that the call names. */
  readonly paths: readonly RefusedPath[]
  /** The address that it names: family of socket.h, and port. */
  readonly address?: { readonly family: number; readonly port?: number }
}

/** Who was refused. */
export interface RefusedProcess {
  readonly pid: number
  /** Its name, at most 15 characters. */
  readonly name: string
  /** Those for files, in the host's numbers. */
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  /** Effective capabilities: the mask of /proc/PID/status. */
  readonly effective: string
  readonly noNewPrivileges: boolean
  /** Whether it is in a user namespace other than ours. */
  readonly ownUsers: boolean
  /** The AppArmor profile that binds it. */
  readonly apparmor?: string
  /** Whether its program has the set-user-ID or set-group-ID bit. */
  readonly setId: boolean
}

/** A file that a refused call names. Paths are those inside the container. */
export interface RefusedPath {
  readonly given: string
  /** After links. */
  readonly path: string
  readonly kind: 'file' | 'directory' | 'character' | 'block' | 'other' | 'absent'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Of a device node. */
  readonly device?: { readonly major: number; readonly minor: number }
  /** The directories on the way, outermost first. */
  readonly way: readonly { readonly path: string; readonly mode: number; readonly uid: number; readonly gid: number }[]
  readonly mount: { readonly point: string; readonly type: string; readonly options: readonly string[] }
}
