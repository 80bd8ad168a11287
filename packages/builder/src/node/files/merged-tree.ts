import { compareBytes } from '../../files/fs-path.ts'
import type { FileNode, OpenFileOptions, Tree } from '../../files/node.ts'
import { childPath } from '../../files/resolve-path.ts'

/** A tree with what lies below a directory of another one put over it. */
export class MergedTree implements Tree {
  readonly #below: Tree
  readonly #above: Tree
  readonly #directory: string

  constructor(below: Tree, above: Tree, directory: string) {
    this.#below = below
    this.#above = above
    this.#directory = directory
  }

  lstat(path: string): FileNode | undefined {
    return this.#above.lstat(this.#inside(path)) ?? this.#below.lstat(path)
  }

  list(path: string): readonly string[] {
    const above = this.#above.list(this.#inside(path))
    const below = this.#below.list(path)
    return above.length === 0 ? below : [...new Set([...above, ...below])].toSorted(compareBytes)
  }

  open(path: string, node: FileNode, options?: OpenFileOptions): AsyncIterable<Uint8Array> {
    return this.#treeOf(path).open(this.#pathOf(path), node, options)
  }

  digest(path: string, node: FileNode): Promise<string> | string {
    return this.#treeOf(path).digest(this.#pathOf(path), node)
  }

  readSmall(path: string): Promise<Uint8Array | undefined> {
    return this.#treeOf(path).readSmall(this.#pathOf(path))
  }

  #inside(path: string): string {
    return path === '' ? this.#directory : childPath(this.#directory, path)
  }

  #isAbove(path: string): boolean {
    return this.#above.lstat(this.#inside(path)) !== undefined
  }

  #treeOf(path: string): Tree {
    return this.#isAbove(path) ? this.#above : this.#below
  }

  #pathOf(path: string): string {
    return this.#isAbove(path) ? this.#inside(path) : path
  }
}
