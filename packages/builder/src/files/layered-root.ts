import type { FileNode, Readable } from './node.ts'
import { ancestorsOf } from './resolve-path.ts'
import type { LayerIndex } from './tar-index.ts'

/** A root file system of which the upper layers are known only by their archives; nothing has to be unpacked or mounted for it. */
export class LayeredRoot implements Readable {
  readonly #below: Readable
  readonly #above: LayerIndex

  /** One layer over a root. Roots stack. */
  constructor(below: Readable, above: LayerIndex) {
    this.#below = below
    this.#above = above
  }

  lstat(path: string): FileNode | undefined {
    const node = this.#above.nodes.get(path)
    if (node !== undefined) return node
    return this.#hides(path) ? undefined : this.#below.lstat(path)
  }

  async readSmall(path: string): Promise<Uint8Array | undefined> {
    const content = this.#above.contents.get(path)
    if (content !== undefined) return content
    return this.#above.nodes.has(path) || this.#hides(path) ? undefined : this.#below.readSmall(path)
  }

  /** Whether the layer takes away what is below at this path, by itself or with a directory above it. */
  #hides(path: string): boolean {
    const { removed, opaque, nodes } = this.#above
    if (removed.has(path) || (path !== '' && opaque.has(''))) return true
    return ancestorsOf(path).some((directory) => {
      const node = nodes.get(directory)
      return removed.has(directory) || opaque.has(directory) || (node !== undefined && node.type !== 'directory')
    })
  }
}
