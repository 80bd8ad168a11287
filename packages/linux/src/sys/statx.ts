import { checked, libc } from './libc.ts'

const statxCall = libc('statx', ['int32', 'string', 'int32', 'uint32', 'pointer'])

const AT_FDCWD = -100
const AT_SYMLINK_NOFOLLOW = 0x100
const AT_NO_AUTOMOUNT = 0x800
const STATX_BASIC = 0x7ff
const STATX_MNT_ID = 0x1000
const STATX_MNT_ID_UNIQUE = 0x4000

/** Which mount a path is on, and what it is there. */
export interface MountPlace {
  /** The mount's ID; with `u` in front the one that is never used again (Linux 6.8), else the one of /proc/self/mountinfo. */
  readonly mount: string
  readonly device: string
  readonly inode: string
}

/** Asks which mount is on top at a path. Does not follow a last symbolic link. @throws SystemCallError ENOENT, … */
export function mountPlaceOf(path: string): MountPlace {
  // struct statx: mask u32 at 0, ino u64 at 32, device major and minor u32 at 136 and 140, mount ID u64 at 144; the same everywhere.
  const words = new BigUint64Array(32)
  const call = (mask: number): number =>
    checked(statxCall(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, mask, words), 'statx', `"${path}"`)
  call(STATX_BASIC | STATX_MNT_ID_UNIQUE)
  const halves = new Uint32Array(words.buffer)
  const unique = ((halves[0] ?? 0) & STATX_MNT_ID_UNIQUE) !== 0
  if (!unique) call(STATX_BASIC | STATX_MNT_ID)
  return {
    mount: `${unique ? 'u' : ''}${String(words[18] ?? 0n)}`,
    device: `${String(halves[34] ?? 0)}:${String(halves[35] ?? 0)}`,
    inode: String(words[4] ?? 0n),
  }
}
