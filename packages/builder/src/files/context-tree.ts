import type { IgnoreMatcher, IgnoreState, IgnoreVerdict } from '@gantry/dockerfile'
import type { FileNode, OpenFileOptions, Tree } from './node.ts'
import { childPath, splitPath } from './resolve-path.ts'

/** A tree without what its ignore file names. A directory that is ignored is there all the same when something in it is not. */
export class ContextTree implements Tree {
  readonly #tree: Tree
  readonly #matcher: IgnoreMatcher
  readonly #states = new Map<string, IgnoreVerdict>()

  constructor(tree: Tree, matcher: IgnoreMatcher) {
    this.#tree = tree
    this.#matcher = matcher
  }

  lstat(path: string): FileNode | undefined {
    const node = this.#tree.lstat(path)
    return node === undefined || path === '' || this.#visible(path, node) ? node : undefined
  }

  list(path: string): readonly string[] {
    const names = this.#tree.list(path)
    if (this.#matcher.empty) return names
    return names.filter((name) => {
      const child = childPath(path, name)
      if (!this.#verdict(child).ignored) return true
      if (!this.#matcher.mayReinclude(child)) return false
      const node = this.#tree.lstat(child)
      return node !== undefined && this.#visible(child, node)
    })
  }

  async readSmall(path: string): Promise<Uint8Array | undefined> {
    return this.lstat(path) === undefined ? undefined : this.#tree.readSmall(path)
  }

  open(path: string, node: FileNode, options?: OpenFileOptions): AsyncIterable<Uint8Array> {
    return this.#tree.open(path, node, options)
  }

  digest(path: string, node: FileNode): Promise<string> | string {
    return this.#tree.digest(path, node)
  }

  #visible(path: string, node: FileNode): boolean {
    if (this.#matcher.empty || !this.#verdict(path).ignored) return true
    return node.type === 'directory' && this.#matcher.mayReinclude(path) && this.list(path).length > 0
  }

  #verdict(path: string): IgnoreVerdict {
    const known = this.#states.get(path)
    if (known !== undefined) return known
    const { parent } = splitPath(path)
    const above: IgnoreState | undefined = parent === '' ? undefined : this.#verdict(parent).state
    const verdict = this.#matcher.visit(path, above)
    this.#states.set(path, verdict)
    return verdict
  }
}
