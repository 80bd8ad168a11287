import { closeDescriptor, errorCode, mkdirAt, openBeneath, setAttribute, unlinkAt } from '@gantry/linux'
import type { OverlayFormat } from '../overlay-format.ts'
import { SnapshotError } from '../snapshot-error.ts'
import { nativeName, splitPath } from './entry-name.ts'
import { isWhiteout, statAt } from './remove-tree.ts'

const yes = new Uint8Array([0x79])

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
  readonly #opaqueXattr: string

  constructor(root: number, format: Pick<OverlayFormat, 'opaqueXattr'>) {
    this.root = root
    this.#opaqueXattr = format.opaqueXattr
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

  /**
   * The directory at a normalised path, made with its parents where it is missing.
   * @throws SystemCallError ENOTDIR, ELOOP
   * @throws SnapshotError LAYER_INVALID: a symbolic link leads to nothing
   */
  ensure(path: string): number {
    try {
      const found = this.find(path)
      if (found !== undefined) return found
    } catch (error) {
      if (errorCode(error) !== 'ENOTDIR') throw error
      const { parent, name } = splitPath(path)
      if (!isWhiteout(statAt(this.ensure(parent), name))) throw error
    }
    const { parent, name } = splitPath(path)
    if (this.make(this.ensure(parent), name)) this.#implied.add(path)
    const made = this.find(path)
    if (made !== undefined) return made
    throw new SnapshotError(
      'LAYER_INVALID',
      `Cannot unpack into "${path}": it is a symbolic link that leads to nothing`,
    )
  }

  /**
   * Makes a directory. In the place of a whiteout, which hides a directory of the layers below, it is an opaque one.
   * @returns false when something else has that name
   */
  make(parent: number, name: string): boolean {
    if (mkdirAt(parent, nativeName(name), 0o755)) return true
    if (!isWhiteout(statAt(parent, name))) return false
    unlinkAt(parent, nativeName(name))
    mkdirAt(parent, nativeName(name), 0o755)
    this.hideBelow(parent, name)
    return true
  }

  /** Makes a directory hide what the layers below have in it. */
  hideBelow(parent: number, name: string): void {
    const fd = openBeneath(parent, nativeName(name), { directory: true, noSymlinks: true })
    try {
      setAttribute(`/proc/self/fd/${String(fd)}/.`, this.#opaqueXattr, yes)
    } finally {
      closeDescriptor(fd)
    }
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
