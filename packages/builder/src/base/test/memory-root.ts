import type { BaseRoot } from '../declared/base-root.ts'
import { RootTree, type TreeNode } from '../declared/root-tree.ts'

/** An image in memory, for effects to work on. */
export function memoryRoot(epoch = 1000): BaseRoot {
  const tree = new RootTree()
  const bytesOf = (node: TreeNode | undefined): Uint8Array | undefined =>
    node?.content instanceof Uint8Array ? node.content : undefined
  return {
    tree,
    epoch,
    read: (path) => Promise.resolve(bytesOf(tree.get(tree.follow(path)))),
    readPart: (node, offset, length) =>
      Promise.resolve((bytesOf(node) ?? new Uint8Array()).subarray(offset, offset + length)),
  }
}
