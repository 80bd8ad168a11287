import { RootTree, type TreeNode } from './root-tree.ts'
import type { EntryOptions } from '../layer-entry.ts'

/** An image that is being put together: its files, and how their bytes are read. */
export interface BaseRoot {
  readonly tree: RootTree
  /** Seconds since 1970, which everything made here bears. */
  readonly epoch: number
  /** The bytes of a file, whole; undefined when there is none. Links are followed. */
  read(path: string): Promise<Uint8Array | undefined>
  /** A part of a file's bytes, as much as there is. */
  readPart(node: TreeNode, offset: number, length: number): Promise<Uint8Array>
}

/** The text of a file; undefined when there is none. */
export async function readText(root: BaseRoot, path: string): Promise<string | undefined> {
  const bytes = await root.read(path)
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

/** Writes a file that no package has. */
export function putFile(root: BaseRoot, path: string, content: string | Uint8Array, options: EntryOptions = {}): void {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  root.tree.put({
    header: { ...headerOf(root, path, options, 0o644), type: 'file', size: bytes.length },
    content: bytes,
    owner: undefined,
  })
}

/** Makes a directory where there is none; one that is there stays as it is. */
export function putDirectory(root: BaseRoot, path: string, options: EntryOptions = {}): void {
  if (root.tree.has(path)) return
  root.tree.put({ header: { ...headerOf(root, path, options, 0o755), type: 'directory', size: 0 }, owner: undefined })
}

/** Makes a symbolic link, in place of what is there. */
export function putLink(root: BaseRoot, path: string, target: string): void {
  const header = { ...headerOf(root, path, {}, 0o777), type: 'symlink' as const, size: 0, linkPath: target }
  root.tree.put({ header, owner: undefined })
}

function headerOf(
  root: BaseRoot,
  path: string,
  options: EntryOptions,
  mode: number,
): Omit<TreeNode['header'], 'type' | 'size'> {
  return { path, mode: options.mode ?? mode, uid: options.uid ?? 0, gid: options.gid ?? 0, mtime: root.epoch }
}
