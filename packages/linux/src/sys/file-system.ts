import { checked, libc } from './libc.ts'

const fstatfsCall = libc('fstatfs', ['int32', 'pointer'])

const ST_RDONLY = 1n

/** The file system that an open file is on. */
export interface FileSystem {
  /** Its kind: the magic number of statfs(2). */
  readonly type: number
  /** What it calls itself, in hex: of ext4, btrfs and tmpfs from its UUID, of others from the device. */
  readonly id: string
  /** Mounted so that nobody writes to it, at least here. */
  readonly readOnly: boolean
}

/** Asks for the file system of an open file. @throws SystemCallError */
export function fileSystemOf(fd: number): FileSystem {
  // struct statfs where pointers have 64 bits: type at 0, fsid (two 32-bit numbers) at 56, flags at 80; 120 bytes.
  const words = new BigUint64Array(16)
  checked(fstatfsCall(fd, words), 'fstatfs', `descriptor ${fd}`)
  const [type = 0n, id = 0n, flags = 0n] = [words[0], words[7], words[10]]
  return { type: Number(type), id: id.toString(16), readOnly: (flags & ST_RDONLY) !== 0n }
}
