import { closeDescriptor, errorCode, mkdirAt, openBeneath } from '@gantry/linux'
import { nativeName, splitPath } from './entry-name.ts'

const most = 192

/**
 * Open descriptors of a layer's directories, the most recently used ones. Paths are walked by the kernel with the target as
 * root, so that neither `..` nor any symbolic link leads out of it. Directories that the layer uses without describing them
 * are made on the way and remembered.
 */
export class DirectoryCache {
  readonly root: number
  readonly #open = new Map<string, number>()
  readonly #implied = new Set<string>()

  constructor(root: number) {
    this.root = root
  }

  /** Paths made on the way and not described since, parents first. */
  get implied(): readonly string[] {
    return [...this.#implied].toSorted()
  }

  /** The directory at a normalised path; undefined when there is none. @throws SystemCallError ENOTDIR, ELOOP */
  find(path: string): number | undefined {
    if (path === '.') return this.root
    const known = this.#open.get(path)
    if (known !== undefined) {
      this.#open.delete(path)
      this.#open.set(path, known)
      return known
    }
    try {
      return this.#keep(path, openBeneath(this.root, nativeName(path), { directory: true, inRoot: true }))
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** The directory at a normalised path, made with its parents where it is missing. @throws SystemCallError ENOTDIR, ELOOP */
  ensure(path: string): number {
    const found = this.find(path)
    if (found !== undefined) return found
    const { parent, name } = splitPath(path)
    if (mkdirAt(this.ensure(parent), nativeName(name), 0o755)) this.#implied.add(path)
    return this.#keep(path, openBeneath(this.root, nativeName(path), { directory: true, inRoot: true }))
  }

  /** Says that the layer has described the directory itself. */
  described(path: string): void {
    this.#implied.delete(path)
  }

  /** Says that something was removed: descriptors and notes of it and of what was in it are dropped. */
  removed(path: string): void {
    for (const implied of this.#implied) {
      if (implied === path || implied.startsWith(`${path}/`)) this.#implied.delete(implied)
    }
    // A symbolic link may have led here from anywhere: what is cached under other names may be gone too.
    this.#closeAll()
  }

  /** Closes every descriptor but the root's. */
  close(): void {
    this.#closeAll()
  }

  #keep(path: string, fd: number): number {
    this.#open.set(path, fd)
    if (this.#open.size > most) {
      const [oldest] = this.#open
      if (oldest !== undefined) {
        closeDescriptor(oldest[1])
        this.#open.delete(oldest[0])
      }
    }
    return fd
  }

  #closeAll(): void {
    for (const fd of this.#open.values()) closeDescriptor(fd)
    this.#open.clear()
  }
}
