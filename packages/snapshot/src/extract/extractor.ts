import { constants, fchmodSync, fchownSync, ftruncateSync, writeSync } from 'node:fs'
import {
  chmodAt,
  chownAt,
  closeDescriptor,
  createAt,
  errorCode,
  linkAt,
  makeDevice,
  makeNodeAt,
  mkdirAt,
  setAttribute,
  setAttributeOf,
  setTimes,
  setTimesAt,
  symlinkAt,
} from '@gantry/linux'
import { normalizeEntryPath, whiteoutOf, type TarEvent, type TarHeader, type Whiteout } from '@gantry/tar'
import type { OverlayFormat } from '../overlay-format.ts'
import { SnapshotError } from '../snapshot-error.ts'
import { DirectoryCache } from './directory-cache.ts'
import { nativeName, pathThrough, splitPath } from './entry-name.ts'
import { isWhiteout, removeTree, statAt } from './remove-tree.ts'

const nodeTypes = { character: constants.S_IFCHR, block: constants.S_IFBLK, fifo: constants.S_IFIFO } as const
const noDevice = 0n
const smallValue = 3000

/** What an extraction has left for when the layers below are known. */
export interface Extracted {
  /** Directories the layer used without describing them, parents first: they take after those below. */
  readonly implied: readonly string[]
  /** Hard links to files that the layer itself does not have at that moment, in order. */
  readonly links: readonly { readonly path: string; readonly target: string }[]
  /** Whether the layer hides everything below it: overlay itself knows no opaque root. */
  readonly opaque: boolean
}

/** Where an entry goes: the open directory and the name in it, for system calls. */
interface Place {
  readonly directory: number
  readonly name: string | Uint8Array
  readonly path: string
}

/**
 * Writes one layer's entries into an empty directory as an overlay upper directory: whiteouts become character devices 0/0,
 * opaque directories get overlay's attribute. Names are made relative to descriptors that the kernel opened with the target
 * as root, and the last name of a path is never followed: nothing is written outside, whatever the layer says.
 *
 * All calls are synchronous; it is made for a worker whose file mode mask is clear.
 */
export class Extractor {
  readonly #format: OverlayFormat
  readonly #keepsKinds: boolean
  readonly #directories: DirectoryCache
  readonly #times = new Map<string, number>()
  readonly #links: { path: string; target: string }[] = []
  #opaque = false
  #file: { readonly fd: number; readonly header: TarHeader; position: number } | undefined

  /** `root` is an open descriptor of the target; the caller closes it. With `keepsKinds` a directory stays one, and nothing else
   * becomes one. */
  constructor(root: number, format: OverlayFormat, { keepsKinds = false }: { readonly keepsKinds?: boolean } = {}) {
    this.#format = format
    this.#keepsKinds = keepsKinds
    this.#directories = new DirectoryCache(root, format)
  }

  /**
   * Takes the next event of the archive.
   *
   * @throws SnapshotError LAYER_INVALID
   * @throws TarError PATH_ESCAPES
   * @throws SystemCallError ENOSPC, ENOTDIR and others
   */
  take(event: TarEvent): void {
    if (event.kind === 'entry') this.#start(event.header)
    else if (event.kind === 'data') this.#write(event.data)
    else if (event.kind === 'hole') this.#skip(event.length)
    else this.#end()
  }

  /** Sets the times of directories, last of all, and says what is left to do. */
  finish(): Extracted {
    for (const [path, mtime] of this.#times) {
      if (path === '.') setTimesAt(this.#directories.root, '.', mtime)
      else this.#setDirectoryTime(path, mtime)
    }
    return { implied: this.#directories.implied, links: this.#links, opaque: this.#opaque }
  }

  /** Closes every descriptor but the root's. Idempotent. */
  close(): void {
    if (this.#file !== undefined) closeDescriptor(this.#file.fd)
    this.#file = undefined
    this.#directories.close()
  }

  #setDirectoryTime(path: string, mtime: number): void {
    const { parent, name } = splitPath(path)
    const directory = this.#directories.find(parent)
    if (directory !== undefined) setTimesAt(directory, nativeName(name), mtime)
  }

  #start(header: TarHeader): void {
    const path = normalizeEntryPath(header.path)
    if (path === '.') {
      if (header.type === 'directory') this.#describe({ directory: this.#directories.root, name: '.', path }, header)
      return
    }
    const whiteout = this.#format.whiteouts ? whiteoutOf(path) : undefined
    if (whiteout === undefined) this.#make(this.#placeOf(path), header)
    else this.#hide(whiteout)
  }

  #placeOf(path: string): Place {
    const { parent, name } = splitPath(path)
    return { directory: this.#directories.ensure(parent), name: nativeName(name), path }
  }

  #make(place: Place, header: TarHeader): void {
    switch (header.type) {
      case 'file':
        this.#file = { fd: this.#create(place), header, position: 0 }
        return
      case 'directory':
        this.#describe(this.#makeDirectory(place), header)
        return
      case 'symlink':
        this.#finishNode(
          this.#anew(place, (at) => symlinkAt(nativeName(linkText(header)), at.directory, at.name)),
          header,
        )
        return
      case 'hardlink':
        this.#link(place, normalizeEntryPath(linkText(header)))
        return
      default:
        this.#makeNode(place, header, nodeTypes[header.type])
    }
  }

  #create(place: Place): number {
    let fd: number | undefined
    this.#anew(place, (at) => (fd = createAt(at.directory, at.name, 0o600)) !== undefined)
    return fd ?? -1
  }

  #makeDirectory(place: Place): Place {
    const { name } = splitPath(place.path)
    if (this.#directories.make(place.directory, name) || statAt(place.directory, name)?.isDirectory() === true)
      return place
    if (this.#keepsKinds) throw conflict(`non-directory "${place.path}" with directory`)
    return this.#anew(place, (at) => mkdirAt(at.directory, at.name, 0o755))
  }

  #describe(place: Place, header: TarHeader): void {
    if (this.#format.owners) chownAt(place.directory, place.name, header.uid, header.gid)
    chmodAt(place.directory, place.name, header.mode & 0o7777)
    this.#setAttributes(place, header)
    this.#times.set(place.path, header.mtime)
    this.#directories.described(place.path)
  }

  #link(place: Place, target: string): void {
    if (target === place.path) return
    const from = splitPath(target)
    const directory = this.#directories.find(from.parent)
    const there = directory === undefined ? undefined : statAt(directory, from.name)
    if (there === undefined) {
      this.#links.push({ path: place.path, target })
      return
    }
    if (there.isDirectory() || isWhiteout(there)) {
      const what = there.isDirectory() ? 'is a directory' : 'the layer has removed'
      throw new SnapshotError(
        'LAYER_INVALID',
        `Cannot unpack "${place.path}": it is a hard link to "${target}", which ${what}`,
      )
    }
    this.#anew(place, (at) =>
      linkAt(this.#directories.ensure(from.parent), nativeName(from.name), at.directory, at.name),
    )
  }

  #makeNode(place: Place, header: TarHeader, type: number): void {
    // Without root the kernel makes no devices; as with other engines, a layer that has some is used without them.
    if (header.type !== 'fifo' && !this.#format.devices) return
    const device = header.type === 'fifo' ? noDevice : makeDevice(header.devMajor ?? 0, header.devMinor ?? 0)
    const made = this.#anew(place, (at) => makeNodeAt(at.directory, at.name, type | (header.mode & 0o777), device))
    this.#finishNode(made, header)
  }

  #finishNode(place: Place, header: TarHeader): void {
    if (this.#format.owners) chownAt(place.directory, place.name, header.uid, header.gid)
    if (header.type !== 'symlink') chmodAt(place.directory, place.name, header.mode & 0o7777)
    this.#setAttributes(place, header)
    setTimesAt(place.directory, place.name, header.mtime)
  }

  #hide(whiteout: Whiteout): void {
    if (whiteout.kind === 'opaque') {
      this.#directories.hideBelow(this.#directories.ensure(whiteout.path), '.')
      if (whiteout.path === '.') this.#opaque = true
      return
    }
    // What this layer has itself is not hidden by its own whiteout, which is about the layers below.
    const { directory, name, path } = this.#placeOf(whiteout.path)
    if (makeNodeAt(directory, name, constants.S_IFCHR, noDevice)) return
    const last = splitPath(path).name
    if (statAt(directory, last)?.isDirectory() === true) this.#directories.hideBelow(directory, last)
  }

  #write(data: Uint8Array): void {
    const file = this.#file
    if (file === undefined) return
    for (let done = 0; done < data.length;) {
      done += writeSync(file.fd, data, done, data.length - done, file.position + done)
    }
    file.position += data.length
  }

  #skip(length: number): void {
    if (this.#file === undefined) return
    this.#file.position += length
    ftruncateSync(this.#file.fd, this.#file.position)
  }

  #end(): void {
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    const { fd, header } = file
    try {
      // Owner first: changing it clears the set-user-ID bit and capabilities.
      if (this.#format.owners) fchownSync(fd, header.uid, header.gid)
      fchmodSync(fd, header.mode & 0o7777)
      setEach(header, (name, value) => setAttributeOf(fd, name, value))
      setTimes(fd, header.mtime)
    } finally {
      closeDescriptor(fd)
    }
  }

  #setAttributes(place: Place, header: TarHeader): void {
    const path = pathThrough(place.directory, place.path === '.' ? '.' : splitPath(place.path).name)
    setEach(header, (name, value) => setAttribute(path, name, value))
  }

  /**
   * Makes a name that an earlier entry of this layer may have taken; the later one replaces it. Answers with the place, since
   * the descriptor of the former one is closed then.
   */
  #anew(place: Place, make: (at: Place) => boolean): Place {
    if (make(place)) return place
    if (this.#keepsKinds && statAt(place.directory, splitPath(place.path).name)?.isDirectory() === true)
      throw conflict(`directory "${place.path}" with non-directory`)
    const again = this.#clear(place)
    if (make(again)) return again
    throw new SnapshotError('LAYER_INVALID', `Cannot unpack "${place.path}": something else makes the same name`)
  }

  #clear(place: Place): Place {
    removeTree(place.directory, splitPath(place.path).name)
    for (const path of this.#times.keys()) {
      if (path === place.path || path.startsWith(`${place.path}/`)) this.#times.delete(path)
    }
    this.#directories.removed(place.path)
    return this.#placeOf(place.path)
  }
}

function conflict(what: string): SnapshotError {
  return new SnapshotError('TREE_CONFLICT', `cannot overwrite ${what}`)
}

/** Goes on where the file system or the kernel does not know an attribute, as other engines do. */
function setEach(header: TarHeader, set: (name: string, value: Uint8Array) => void): void {
  if (header.xattrs === undefined) return
  for (const [name, value] of Object.entries(header.xattrs)) {
    // A layer that could set overlay's own could hide or redirect what lies below it.
    if (/^(trusted|user)\.overlay\./.test(name)) continue
    try {
      set(name, value)
    } catch (error) {
      const code = errorCode(error) ?? ''
      if (['ENOTSUP', 'EOPNOTSUPP', 'EPERM'].includes(code)) continue
      // Where attributes have a block to themselves, the kernel says "no space" of one that is larger.
      const isTooLarge = code === 'E2BIG' || code === 'ERANGE' || (code === 'ENOSPC' && value.length > smallValue)
      if (!isTooLarge) throw error
      const message = `Cannot unpack "${header.path}": its attribute "${name.slice(0, 64)}" is too large for this file system`
      throw new SnapshotError('LAYER_INVALID', message, { cause: error })
    }
  }
}

function linkText(header: TarHeader): string {
  if (header.linkPath !== undefined && header.linkPath !== '' && !header.linkPath.includes('\0')) return header.linkPath
  throw new SnapshotError('LAYER_INVALID', `Cannot unpack "${header.path}": the ${header.type} has no target`)
}
