import { normalizeEntryPath, whiteoutOf, type TarHeader } from '@gantry/tar'
import { ImageError } from '../errors.ts'
import { resolveLink } from './resolve-link.ts'
import { sameMetadata } from './same-metadata.ts'

/** What the names of one file share: where its bytes are, and its metadata. */
export interface Inode {
  /** Index of the layer that has it. */
  readonly layer: number
  /** Which entry of that layer's tar it is, counted from 0; -1 for a directory that no entry describes. */
  readonly ordinal: number
  /** Its metadata; `path` is that of its first name. */
  readonly header: TarHeader
  /** Its names that are left, in the order they came. */
  readonly paths: Set<string>
}

/** What an entry of a layer does to the files below it. */
export interface FileChange {
  /** `unchanged` is a directory that is described again, as layers do on the way to what they change. */
  readonly kind: 'added' | 'changed' | 'deleted' | 'unchanged'
  readonly path: string
  /** The file that is there now; of a deletion the one that was. */
  readonly header: TarHeader
}

interface Node {
  inode: Inode | undefined
  /** The layer that last put something here. */
  layer: number
  children: Map<string, Node> | undefined
}

/** The most names of files that are kept of one image: more than any known image has, and what memory can hold. */
const mostFiles = 4_000_000
const mostLinks = 40

/**
 * The files of a stack of layers, seen from above: whiteouts, opaque directories, hard links and replaced files are applied as
 * the layers are read, lowest first. It keeps metadata only, never content.
 *
 * A path that leads through a symbolic link of the same layer goes where the link leads, as it does when the layer is unpacked;
 * a link of a layer below is replaced by a directory, as overlayfs shows it.
 */
export class FileView {
  readonly #root: Node = { inode: undefined, layer: -1, children: new Map() }
  /** By layer: what is alive, by its entry. */
  readonly #inodes: Map<number, Inode>[] = []
  readonly #wasted = new Map<string, { bytes: number; times: number }>()
  #layer = -1
  #ordinal = -1
  #count = 0

  /** Begins with the next layer. */
  nextLayer(): void {
    this.#layer++
    this.#ordinal = -1
    this.#inodes.push(new Map())
  }

  /**
   * Takes the next entry of the layer.
   *
   * @throws {ImageError} LAYER_INVALID
   * @throws {TarError} PATH_ESCAPES, HEADER_INVALID
   */
  apply(header: TarHeader): readonly FileChange[] {
    this.#ordinal++
    const path = normalizeEntryPath(header.path)
    const whiteout = whiteoutOf(path)
    if (whiteout?.kind === 'file') return this.#hide(whiteout.path)
    if (whiteout?.kind === 'opaque') return this.#hideIn(whiteout.path)
    if (path === '.') return this.#applyRoot(header)
    const { directory, at } = this.#parentOf(path)
    const name = at.slice(at.lastIndexOf('/') + 1)
    const node = directory.children?.get(name)
    return header.type === 'directory'
      ? [this.#putDirectory({ directory, name, node }, { ...header, path: at })]
      : this.#putFile({ directory, name, node }, { ...header, path: at })
  }

  /** The file with that normalised path. */
  get(path: string): Inode | undefined {
    return this.#find(path)?.inode
  }

  /** The inode that an entry made, if any of its names is left. */
  inodeOf(layer: number, ordinal: number): Inode | undefined {
    return this.#inodes[layer]?.get(ordinal)
  }

  /** Every name that is left with its file, directories before what is in them, names in order. `.` is the root, if it is described. */
  *files(): Generator<{ readonly path: string; readonly inode: Inode }> {
    if (this.#root.inode !== undefined) yield { path: '.', inode: this.#root.inode }
    yield* filesBelow(this.#root, '')
  }

  /** Bytes of files that the layers hold and the image does not show, by path, the most first. */
  wasted(): readonly { readonly path: string; readonly bytes: number; readonly times: number }[] {
    return [...this.#wasted]
      .map(([path, each]) => ({ path, ...each }))
      .toSorted((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1))
  }

  #applyRoot(header: TarHeader): readonly FileChange[] {
    if (header.type !== 'directory') return []
    const before = this.#root.inode
    this.#root.inode = this.#inode({ ...header, path: '.' }, '.', before)
    return [{ kind: before === undefined ? 'added' : 'changed', path: '.', header: this.#root.inode.header }]
  }

  #hide(path: string): readonly FileChange[] {
    const slash = path.lastIndexOf('/')
    const directory = slash < 0 ? this.#root : this.#find(path.slice(0, slash))
    const name = path.slice(slash + 1)
    const node = directory?.children?.get(name)
    if (directory === undefined || node === undefined) return []
    return this.#removeBelow(directory, name, path)
  }

  #hideIn(path: string): readonly FileChange[] {
    const node = path === '.' ? this.#root : this.#find(path)
    const names = [...(node?.children?.keys() ?? [])]
    return names.flatMap((name) => this.#removeBelow(node!, name, path === '.' ? name : `${path}/${name}`))
  }

  /** Removes what the layers below have at a name; what this layer has stays. */
  #removeBelow(directory: Node, name: string, path: string): readonly FileChange[] {
    const node = directory.children?.get(name)
    if (node === undefined) return []
    const removed: FileChange[] = []
    for (const child of node.children?.keys() ?? []) {
      removed.push(...this.#removeBelow(node, child, `${path}/${child}`))
    }
    if (node.layer >= this.#layer) return removed
    const change: FileChange[] =
      node.inode === undefined ? [] : [{ kind: 'deleted', path, header: { ...node.inode.header, path } }]
    this.#unlink(node, path)
    if ((node.children?.size ?? 0) === 0) {
      directory.children?.delete(name)
      this.#count--
    }
    return [...change, ...removed]
  }

  #putDirectory(
    { directory, name, node }: { directory: Node; name: string; node: Node | undefined },
    header: TarHeader,
  ): FileChange {
    const { path } = header
    const before = node?.inode
    if (node === undefined || node.children === undefined) {
      if (node !== undefined) this.#unlink(node, path)
      const made: Node = { inode: this.#inode(header, path), layer: this.#layer, children: new Map() }
      this.#keep(directory, name, made)
      return { kind: before === undefined ? 'added' : 'changed', path, header }
    }
    node.inode = this.#inode(header, path, before)
    node.layer = this.#layer
    return { kind: before !== undefined && sameMetadata(before.header, header) ? 'unchanged' : 'changed', path, header }
  }

  #putFile(
    { directory, name, node }: { directory: Node; name: string; node: Node | undefined },
    header: TarHeader,
  ): readonly FileChange[] {
    const { path } = header
    const inode = header.type === 'hardlink' ? this.#linked(header) : this.#inode(header, path)
    const gone: FileChange[] = []
    const kind = node === undefined ? 'added' : 'changed'
    // A link to itself, as some writers make them, changes nothing.
    if (node?.inode === inode) return []
    if (node !== undefined) {
      for (const child of node.children?.keys() ?? []) gone.push(...this.#drop(node, child, `${path}/${child}`))
      this.#unlink(node, path)
    }
    inode.paths.add(path)
    this.#keep(directory, name, { inode, layer: this.#layer, children: undefined })
    return [{ kind, path, header: { ...inode.header, path } }, ...gone]
  }

  /** Removes a name with everything below it, whichever layer it is of. */
  #drop(directory: Node, name: string, path: string): FileChange[] {
    const node = directory.children?.get(name)
    if (node === undefined) return []
    const below = [...(node.children?.keys() ?? [])].flatMap((child) => this.#drop(node, child, `${path}/${child}`))
    const own: FileChange[] =
      node.inode === undefined ? [] : [{ kind: 'deleted', path, header: { ...node.inode.header, path } }]
    this.#unlink(node, path)
    directory.children?.delete(name)
    this.#count--
    return [...own, ...below]
  }

  #linked(header: TarHeader): Inode {
    const target = normalizeEntryPath(header.linkPath === undefined || header.linkPath === '' ? '.' : header.linkPath)
    const found = this.#follow(target)?.inode
    if (found !== undefined && found.header.type !== 'directory') return found
    throw new ImageError(
      'LAYER_INVALID',
      `Cannot read layer ${this.#layer}: ${JSON.stringify(header.path)} is a hard link to ${JSON.stringify(target)}, which is ${found === undefined ? 'not there' : 'a directory'}`,
    )
  }

  #inode(header: TarHeader, path: string, before?: Inode): Inode {
    if (before !== undefined) this.#forget(before)
    const inode: Inode = { layer: this.#layer, ordinal: this.#ordinal, header, paths: new Set([path]) }
    this.#inodes[this.#layer]?.set(this.#ordinal, inode)
    return inode
  }

  #unlink(node: Node, path: string): void {
    const { inode } = node
    if (inode === undefined) return
    inode.paths.delete(path)
    node.inode = undefined
    if (inode.paths.size > 0) return
    this.#forget(inode)
    if (inode.header.type !== 'file' || inode.header.size === 0) return
    const wasted = this.#wasted.get(path) ?? { bytes: 0, times: 0 }
    this.#wasted.set(path, { bytes: wasted.bytes + inode.header.size, times: wasted.times + 1 })
  }

  #forget({ layer, ordinal }: Inode): void {
    this.#inodes[layer]?.delete(ordinal)
  }

  #keep(directory: Node, name: string, node: Node): void {
    if (!directory.children?.has(name)) this.#count++
    if (this.#count > mostFiles) {
      throw new ImageError('LAYER_INVALID', `Cannot read the files of the image: there are more than ${mostFiles}`)
    }
    directory.children?.set(name, node)
  }

  #find(path: string): Node | undefined {
    if (path === '.') return this.#root
    let node: Node | undefined = this.#root
    for (const part of path.split('/')) node = node?.children?.get(part)
    return node
  }

  /** The node at a path, symbolic links on the way followed within the image. */
  #follow(path: string): Node | undefined {
    const slash = path.lastIndexOf('/')
    const direct = this.#find(path)
    if (direct !== undefined || slash < 0) return direct
    let parts = path.split('/')
    let node: Node = this.#root
    let walked: string[] = []
    for (let links = 0; parts.length > 0;) {
      const [part = ''] = parts.splice(0, 1)
      const next = node.children?.get(part)
      if (next === undefined) return undefined
      if (next.inode?.header.type === 'symlink' && parts.length > 0) {
        if (++links > mostLinks) return undefined
        parts = [...resolveLink(walked, next.inode.header.linkPath ?? ''), ...parts]
        node = this.#root
        walked = []
      } else {
        node = next
        walked.push(part)
      }
    }
    return node
  }

  /** The directory that an entry goes into, made where it is missing, and the path that the entry has then. */
  #parentOf(path: string): { readonly directory: Node; readonly at: string } {
    let parts = path.split('/')
    let directory = this.#root
    let walked: string[] = []
    for (let links = 0; parts.length > 1;) {
      const [part = ''] = parts.splice(0, 1)
      const here = [...walked, part].join('/')
      const node = directory.children?.get(part)
      const link = node?.inode?.header.type === 'symlink' && node.layer === this.#layer ? node.inode : undefined
      if (link !== undefined) {
        if (++links > mostLinks) throw throughFile(path, here)
        parts = [...resolveLink(walked, link.header.linkPath ?? ''), ...parts]
        directory = this.#root
        walked = []
        continue
      }
      if (node?.children === undefined) {
        if (node !== undefined && node.layer === this.#layer) throw throughFile(path, here)
        if (node !== undefined) this.#unlink(node, here)
        const implied: Inode = {
          layer: this.#layer,
          ordinal: -1,
          header: impliedDirectory(here),
          paths: new Set([here]),
        }
        const made: Node = { inode: implied, layer: this.#layer, children: new Map() }
        this.#keep(directory, part, made)
        directory = made
      } else {
        // What is in it keeps it from a whiteout of this very layer.
        node.layer = this.#layer
        directory = node
      }
      walked.push(part)
    }
    return { directory, at: [...walked, ...parts].join('/') }
  }
}

function* filesBelow(node: Node, directory: string): Generator<{ readonly path: string; readonly inode: Inode }> {
  const names = [...(node.children?.keys() ?? [])].toSorted()
  for (const name of names) {
    const child = node.children?.get(name)
    const path = `${directory}${name}`
    if (child?.inode !== undefined) yield { path, inode: child.inode }
    if (child?.children !== undefined) yield* filesBelow(child, `${path}/`)
  }
}

function impliedDirectory(path: string): TarHeader {
  return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 }
}

function throughFile(path: string, file: string): ImageError {
  return new ImageError(
    'LAYER_INVALID',
    `Cannot read the entry ${JSON.stringify(path)}: ${JSON.stringify(file)} on the way is no directory`,
  )
}
