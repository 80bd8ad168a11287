import { setTimesAt } from '@gantry/linux'
import { DirectoryTree, walk } from '../files/directory-tree.ts'

/**
 * Gives everything in a directory that was changed after a moment a fixed time (seconds). Later steps then see the same times
 * whether this layer was made now, taken from the cache, or unpacked from an archive.
 */
export function clampTimes(directory: string, mtime: { readonly after: number; readonly becomes: number }): void {
  using tree = new DirectoryTree(directory)
  for (const [path, node] of walk(tree, '')) {
    if (node.mtime <= mtime.after) continue
    tree.within(path, (parent, name) => setTimesAt(parent, name, mtime.becomes))
  }
}
