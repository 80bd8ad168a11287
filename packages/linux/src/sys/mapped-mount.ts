import { closeSync, openSync } from 'node:fs'
import { close } from './at.ts'
import { checked, errno } from './libc.ts'
import { systemCall } from './system-call.ts'
import { SystemCallError } from './system-call-error.ts'

// The number of every call added since Linux 5.1 is the same on all architectures.
const SYS_open_tree = 428n
const SYS_move_mount = 429n
const SYS_mount_setattr = 442n
const AT_FDCWD = -100n
const AT_EMPTY_PATH = 0x1000n
const OPEN_TREE_CLONE = 1n
const OPEN_TREE_CLOEXEC = 0x80000n
const MOVE_MOUNT_F_EMPTY_PATH = 4n
const MOUNT_ATTR_RDONLY = 0x1n
const MOUNT_ATTR_IDMAP = 0x100000n
const MS_PRIVATE = 0x40000n
const EINVAL = 22

/**
 * Shows a directory or file at another place with its owners mapped: an id on the disk is seen as what a user namespace makes of
 * it, and what is written gets the id back. What is mounted below the source is not shown. Linux 5.12.
 *
 * @throws SystemCallError EINVAL where the file system cannot, ENOSYS where the kernel cannot
 * @see https://man7.org/linux/man-pages/man2/mount_setattr.2.html
 */
export function bindMapped({
  source,
  target,
  namespace,
  readonly = false,
}: {
  readonly source: string
  readonly target: string
  /** Path of the user namespace. */
  readonly namespace: string
  readonly readonly?: boolean
}): void {
  const subject = `"${source}" on "${target}" with its owners mapped`
  const clone = systemCall(SYS_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
  const tree = checked(clone, 'open_tree', subject)
  try {
    const users = openSync(namespace, 'r')
    try {
      // struct mount_attr: attr_set, attr_clr, propagation, userns_fd, each u64.
      const attributes = new BigUint64Array(4)
      attributes[0] = MOUNT_ATTR_IDMAP | (readonly ? MOUNT_ATTR_RDONLY : 0n)
      // Of its own: what is mounted below the source later is not seen here.
      attributes[2] = MS_PRIVATE
      attributes[3] = BigInt(users)
      if (Number(systemCall(SYS_mount_setattr, BigInt(tree), '', AT_EMPTY_PATH, attributes, 32n)) !== 0) {
        const code = errno()
        const hint = code === EINVAL ? ': its file system cannot map owners' : ''
        throw new SystemCallError(code, 'mount_setattr', `${subject}${hint}`)
      }
    } finally {
      closeSync(users)
    }
    const moved = systemCall(SYS_move_mount, BigInt(tree), '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH)
    checked(moved, 'move_mount', subject)
  } finally {
    close(tree)
  }
}
