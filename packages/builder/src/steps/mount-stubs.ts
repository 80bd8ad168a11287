import { listAttributes, unlinkAt } from '@gantry/linux'
import { DirectoryTree } from '../files/directory-tree.ts'
import type { FileNode } from '../files/node.ts'

/** What the runtime makes in a root file system so that it can mount there. */
const candidates = [
  ['proc', 'directory'],
  ['sys', 'directory'],
  ['dev', 'directory'],
  ['etc/resolv.conf', 'file'],
  ['etc/hosts', 'file'],
  ['etc', 'directory'],
] as const

/** What a root file system was like before the runtime mounted on it. */
export interface MountStubs {
  /** The mount points that it lacks: whatever appears there is not the step's. */
  readonly missing: readonly { readonly path: string; readonly type: 'file' | 'directory' }[]
  /** Its /etc, if it has one. */
  readonly etc: FileNode | undefined
}

/** Looks which mount points a root file system has before a step runs in it. */
export function findStubs(rootfs: string): MountStubs {
  using tree = new DirectoryTree(rootfs)
  const missing = candidates.filter(([path]) => tree.lstat(path) === undefined).map(([path, type]) => ({ path, type }))
  return { missing, etc: tree.lstat('etc') }
}

/**
 * Removes mount points that are still empty; a step that put something there has made it its own. Where only mount points
 * were made in /etc, overlayfs has copied the directory up for them: it is no change of the step and goes too.
 */
export function removeStubs(rootfs: string, upper: string, { missing, etc }: MountStubs): void {
  using tree = new DirectoryTree(rootfs)
  for (const { path, type } of missing) {
    const node = tree.lstat(path)
    if (node === undefined || node.type !== type) continue
    if (type === 'directory' ? tree.list(path).length > 0 : node.size > 0) continue
    tree.within(path, (directory, name) => unlinkAt(directory, name, { directory: type === 'directory' }))
  }
  if (etc === undefined || !missing.some(({ path }) => path.startsWith('etc/'))) return
  using changes = new DirectoryTree(upper)
  const copied = changes.lstat('etc')
  if (copied?.type !== 'directory' || changes.list('etc').length > 0) return
  if (copied.mode !== etc.mode || copied.uid !== etc.uid || copied.gid !== etc.gid) return
  changes.within('etc', (directory, name) => {
    const marks = listAttributes(`/proc/self/fd/${directory}/etc`)
    if (!marks.some((mark) => mark.endsWith('.overlay.opaque'))) unlinkAt(directory, name, { directory: true })
  })
}
