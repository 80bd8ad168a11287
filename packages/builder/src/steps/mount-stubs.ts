import { listAttributes, unlinkAt } from '@gantry/linux'
import { DirectoryTree } from '../files/directory-tree.ts'
import type { FileNode, Lookup } from '../files/node.ts'
import { ancestorsOf, resolvePath, splitPath } from '../files/resolve-path.ts'

/** A place where the runtime mounts something. */
export interface MountPoint {
  readonly path: string
  readonly type: 'file' | 'directory'
}

/** What the runtime makes in every root file system so that it can mount there. */
const usual: readonly MountPoint[] = [
  { path: 'proc', type: 'directory' },
  { path: 'sys', type: 'directory' },
  { path: 'dev', type: 'directory' },
  { path: 'etc/resolv.conf', type: 'file' },
  { path: 'etc/hosts', type: 'file' },
]

/** File systems of their own: what is made in them leaves nothing behind. */
const apart = /^(?:proc|sys|dev)(?:\/|$)/

/** What a root file system was like before the runtime mounted on it. */
export interface MountStubs {
  /** The mount points that it lacks, and the directories above them: whatever appears there is not the step's. */
  readonly missing: readonly MountPoint[]
  /** The directories in which they will be made, as they are. */
  readonly parents: ReadonlyMap<string, FileNode>
}

/** Looks which mount points a root file system has before a step runs in it. */
export function findStubs(rootfs: string, own: readonly MountPoint[] = []): MountStubs {
  using tree = new DirectoryTree(rootfs)
  const missing = new Map<string, MountPoint>()
  const parents = new Map<string, FileNode>()
  for (const { path: written, type } of [...usual, ...own]) {
    const path = resolvePath(tree, written, { followLast: true })
    if (path === '' || (apart.test(path) && path.includes('/')) || tree.lstat(path) !== undefined) continue
    missing.set(path, { path, type })
    for (const directory of ancestorsOf(path)) {
      const node = tree.lstat(directory)
      if (node === undefined) missing.set(directory, { path: directory, type: 'directory' })
      else parents.set(directory, node)
    }
  }
  const deepestFirst = [...missing.values()].toSorted((a, b) => depthOf(b.path) - depthOf(a.path))
  return { missing: deepestFirst, parents: new Map([...parents].toSorted(([a], [b]) => depthOf(b) - depthOf(a))) }
}

/**
 * Removes mount points that are still empty; a step that put something there has made it its own. Where only mount points
 * were made in a directory, overlayfs has copied the directory up for them: it is no change of the step and goes too.
 */
export function removeStubs(rootfs: string, upper: string, { missing, parents }: MountStubs): void {
  using tree = new DirectoryTree(rootfs)
  for (const { path, type } of missing) {
    const node = tree.lstat(path)
    if (node === undefined || node.type !== type) continue
    if (type === 'directory' ? tree.list(path).length > 0 : node.size > 0) continue
    tree.within(path, (directory, name) => unlinkAt(directory, name, { directory: type === 'directory' }))
  }
  using changes = new DirectoryTree(upper)
  for (const [path, before] of parents) if (isOnlyCopied(changes, path, before)) removeCopy(changes, path)
}

function isOnlyCopied(changes: DirectoryTree & Lookup, path: string, before: FileNode): boolean {
  const copied = changes.lstat(path)
  if (copied?.type !== 'directory' || changes.list(path).length > 0) return false
  return copied.mode === before.mode && copied.uid === before.uid && copied.gid === before.gid
}

function removeCopy(changes: DirectoryTree, path: string): void {
  changes.within(path, (directory, name) => {
    const marks = listAttributes(`/proc/self/fd/${directory}/${splitPath(path).name}`)
    if (!marks.some((mark) => mark.endsWith('.overlay.opaque'))) unlinkAt(directory, name, { directory: true })
  })
}

function depthOf(path: string): number {
  return path.split('/').length
}
