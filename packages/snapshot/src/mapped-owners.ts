import { dirname, join } from 'node:path'
import { SystemCallError } from '@gantry/linux'
import { SnapshotError } from './snapshot-error.ts'

/** Where a snapshot of a number is mounted with mapped owners: not beside its upper directory, which is root's alone. */
export function mappedDirectory(snapshots: string, n: number): string {
  return join(dirname(snapshots), 'userns', String(n))
}

/** The error to tell when the kernel or the file system cannot show files with other owners; undefined for any other failure. */
export function ownersUnsupported(error: unknown): SnapshotError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (!(at instanceof SystemCallError) || !['mount_setattr', 'open_tree'].includes(at.syscall)) continue
    return new SnapshotError('OWNERS_UNSUPPORTED', `Cannot give the container a user namespace: ${at.message}`, {
      cause: error,
      hint: 'this needs Linux 5.19 and a root directory on ext4, xfs, btrfs or another file system that can map owners (mount_setattr(2)): move it with --root, or leave --userns out',
    })
  }
  return undefined
}
