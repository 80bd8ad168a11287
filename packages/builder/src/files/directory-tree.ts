import { createHash, hash } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { splitDevice } from '@gantry/linux'
import { BuildError } from '../build-error.ts'
import { compareBytes, fsPath, textOf } from './fs-path.ts'
import { type FileDigests, isSettled } from './file-digests.ts'
import type { FileNode, OpenFileOptions, Tree } from './node.ts'
import { childPath, splitPath } from './resolve-path.ts'
import { volumeOf } from './volume.ts'

/** What tells a file on disk from every other, and from itself after a change. */
export interface DiskIdentity {
  readonly dev: number
  readonly ino: number
  readonly mtimeMs: number
  readonly ctimeMs: number
}

interface DiskNode extends FileNode {
  readonly disk: DiskIdentity
}

/** How a directory is read. */
export interface DirectoryTreeOptions {
  /** Remembers digests by inode; leave it out where inode numbers are not stable (a view that is mounted). */
  readonly digests?: FileDigests
  /** Reads the extended attributes of a file, given a path that reaches it without following links. */
  readonly xattrs?: (path: string | Buffer) => Readonly<Record<string, Uint8Array>> | undefined
  /** Character devices 0:0 are overlayfs's marks for deleted files and do not count. */
  readonly whiteouts?: boolean
}

const openDirectories = 64
const chunkBytes = 1 << 20
const smallest = 1 << 20

/**
 * A directory of this machine that may be hostile: every element of a path is opened by itself without following links,
 * so nothing outside is ever reached, even while somebody swaps directories for links. Dispose of it to close what it
 * keeps open.
 */
export class DirectoryTree implements Tree, Disposable {
  readonly #root: string
  readonly #options: DirectoryTreeOptions
  readonly #made = Date.now()
  /** What `volumeOf` says of each device, asked with the first file there. */
  readonly #volumes = new Map<number, number | undefined>()
  /** Open directories by path, least recently used first. */
  readonly #open = new Map<string, number>()
  /** The last of them: most files are asked for one after another in their directory. */
  #newest = ''

  /** @throws BuildError CONTEXT_INVALID when the directory cannot be opened */
  constructor(root: string, options: DirectoryTreeOptions = {}) {
    this.#root = root
    this.#options = options
    try {
      this.#open.set('', openSync(root, constants.O_RDONLY | constants.O_DIRECTORY))
    } catch (error) {
      throw new BuildError('CONTEXT_INVALID', `Cannot read the directory "${root}": ${messageOf(error)}`, {
        cause: error,
      })
    }
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor)
    this.#open.clear()
  }

  lstat(path: string): DiskNode | undefined {
    if (path === '') {
      const descriptor = this.#directory('')!
      return this.#node(fstatSync(descriptor), `/proc/self/fd/${descriptor}/.`)
    }
    const at = this.#reach(path)
    if (at === undefined) return undefined
    const stats = lstatSync(at, { throwIfNoEntry: false })
    if (stats === undefined) return undefined
    if (this.#options.whiteouts === true && stats.isCharacterDevice() && stats.rdev === 0) return undefined
    return this.#node(stats, at)
  }

  list(path: string): readonly string[] {
    const descriptor = this.#directory(path)
    if (descriptor === undefined) return []
    return sortedNames(`/proc/self/fd/${descriptor}`)
  }

  async readSmall(path: string): Promise<Uint8Array | undefined> {
    const node = this.lstat(path)
    if (node === undefined || node.type !== 'file' || node.size > smallest) return undefined
    return this.#readWhole(path, node)
  }

  async *open(path: string, node: FileNode, options: OpenFileOptions = {}): AsyncGenerator<Uint8Array> {
    const { lent = false } = options
    const digest = this.#isSettled(node) ? undefined : options.digest
    if (node.size <= chunkBytes) {
      if (node.size === 0) return
      const content = this.#readWhole(path, node)
      if (digest !== undefined && hash('sha256', content, 'hex') !== digest) throw this.#changed(path)
      yield content
      return
    }
    closeSync(this.#openFile(path, node))
    await using file = await open(this.#reach(path) ?? '', constants.O_RDONLY | constants.O_NOFOLLOW)
    const hasher = digest === undefined ? undefined : createHash('sha256')
    let left = node.size
    // Buffers that are left to the collector have it look through all objects again and again.
    const shared = lent ? Buffer.allocUnsafeSlow(chunkBytes) : undefined
    try {
      while (left > 0) {
        const buffer = shared ?? Buffer.allocUnsafeSlow(Math.min(chunkBytes, left))
        const { bytesRead } = await file.read(buffer, 0, Math.min(chunkBytes, left))
        if (bytesRead === 0) throw this.#changed(path)
        left -= bytesRead
        const chunk = buffer.subarray(0, bytesRead)
        hasher?.update(chunk)
        yield chunk
      }
    } finally {
      // Also for whoever wants only its beginning.
      checkSame(node, await file.stat(), () => this.#changed(path))
    }
    if (hasher !== undefined && hasher.digest('hex') !== digest) throw this.#changed(path)
  }

  digest(path: string, node: FileNode): Promise<string> | string {
    const { digests } = this.#options
    const read = (): AsyncIterable<Uint8Array> => this.open(path, node, { lent: true })
    if (digests === undefined) throw new TypeError('this tree was made without a place to remember digests')
    const { disk } = node as Partial<DiskNode>
    const volume = disk !== undefined && digests.shared ? this.#volumeOf(path, node, disk) : undefined
    return digests.of(node, disk === undefined || volume === undefined ? undefined : { ...disk, volume }, read)
  }

  /** Calls `use` with the open directory that a path is in and its name there; without that directory nothing happens. */
  within(path: string, use: (directory: number, name: string | Buffer) => void): void {
    const { parent, name } = splitPath(path)
    const descriptor = this.#directory(parent)
    if (descriptor !== undefined) use(descriptor, fsPath(name))
  }

  #readWhole(path: string, node: FileNode): Uint8Array {
    const descriptor = this.#openFile(path, node)
    try {
      const buffer = Buffer.allocUnsafeSlow(node.size)
      let at = 0
      while (at < node.size) {
        const read = readSync(descriptor, buffer, at, node.size - at, null)
        if (read === 0) throw this.#changed(path)
        at += read
      }
      checkSame(node, fstatSync(descriptor), () => this.#changed(path))
      return buffer
    } finally {
      closeSync(descriptor)
    }
  }

  #openFile(path: string, node: FileNode): number {
    const at = this.#reach(path)
    if (at === undefined) throw this.#changed(path)
    let descriptor: number
    try {
      // Non-blocking, so that a FIFO put in the file's place does not hang the build.
      descriptor = openSync(at, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch (error) {
      throw new BuildError('SOURCE_UNREADABLE', `Cannot read "${path}" in "${this.#root}": ${messageOf(error)}`, {
        cause: error,
        hint: 'make it readable, or name it in .dockerignore',
      })
    }
    try {
      checkSame(node, fstatSync(descriptor), () => this.#changed(path))
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
    return descriptor
  }

  #volumeOf(path: string, node: FileNode, { dev }: DiskIdentity): number | undefined {
    if (this.#volumes.has(dev)) return this.#volumes.get(dev)
    const descriptor = this.#openFile(path, node)
    try {
      const volume = volumeOf(descriptor, dev)
      this.#volumes.set(dev, volume)
      return volume
    } finally {
      closeSync(descriptor)
    }
  }

  /** Whether a change of the content since the node was made would show in the file's times. */
  #isSettled(node: FileNode): boolean {
    if (this.#options.digests?.shared !== true) return true
    const { disk } = node as Partial<DiskNode>
    return disk !== undefined && this.#volumes.get(disk.dev) !== undefined && isSettled(disk, this.#made)
  }

  #changed(path: string): BuildError {
    return new BuildError(
      'SOURCE_CHANGED',
      `Cannot read "${path}" in "${this.#root}": it changed while it was being read`,
      {
        hint: 'build again when nothing writes to it',
      },
    )
  }

  /** A path by which the file can be named without following links above it; undefined when its directory is missing. */
  #reach(path: string): string | Buffer | undefined {
    const { parent, name } = splitPath(path)
    const descriptor = this.#directory(parent)
    return descriptor === undefined ? undefined : fsPath(`/proc/self/fd/${descriptor}/${name}`)
  }

  #directory(path: string): number | undefined {
    const known = this.#open.get(path)
    if (known !== undefined) {
      if (path !== '' && path !== this.#newest) {
        this.#open.delete(path)
        this.#open.set(path, known)
        this.#newest = path
      }
      return known
    }
    if (path === '') throw new BuildError('CONTEXT_INVALID', `Cannot read "${this.#root}": it is closed`)
    const { parent, name } = splitPath(path)
    const above = this.#directory(parent)
    if (above === undefined) return undefined
    let descriptor: number
    try {
      const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
      descriptor = openSync(fsPath(`/proc/self/fd/${above}/${name}`), flags)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined
      throw new BuildError(
        'SOURCE_UNREADABLE',
        `Cannot read the directory "${path}" in "${this.#root}": ${messageOf(error)}`,
        {
          cause: error,
          hint: 'make it readable, or name it in .dockerignore',
        },
      )
    }
    this.#open.set(path, descriptor)
    this.#newest = path
    if (this.#open.size > openDirectories) this.#evict()
    return descriptor
  }

  #evict(): void {
    for (const [path, descriptor] of this.#open) {
      if (path === '') continue
      closeSync(descriptor)
      this.#open.delete(path)
      return
    }
  }

  #node(stats: Stats, at: string | Buffer): DiskNode {
    const type = typeOf(stats)
    const xattrs = type === 'symlink' ? undefined : this.#options.xattrs?.(at)
    const device = type === 'character' || type === 'block'
    const node: DiskNode = {
      type,
      mode: stats.mode & 0o7777,
      uid: stats.uid,
      gid: stats.gid,
      size: type === 'file' ? stats.size : 0,
      mtime: stats.mtimeMs / 1000,
      disk: { dev: stats.dev, ino: stats.ino, mtimeMs: stats.mtimeMs, ctimeMs: stats.ctimeMs },
    }
    // Of a hundred thousand files nearly all are so: one object each is enough.
    if (type === 'file' && stats.nlink === 1 && xattrs === undefined) return node
    const { major, minor } = splitDevice(stats.rdev)
    return {
      ...node,
      ...(type === 'symlink' ? { target: textOf(readlinkSync(at, { encoding: 'buffer' })) } : {}),
      ...(device ? { devMajor: major, devMinor: minor } : {}),
      ...(xattrs === undefined ? {} : { xattrs }),
      ...(type !== 'directory' && stats.nlink > 1 ? { link: `${stats.dev}:${stats.ino}` } : {}),
    }
  }
}

/** Most names are so, and then quick to read and to sort. What is no UTF-8 comes as U+FFFD, which is not among these. */
const plainName = /^[\0-\uD7FF]*$/

/** The names in a directory, sorted by their bytes. */
function sortedNames(directory: string): readonly string[] {
  const names = readdirSync(directory)
  if (names.every((name) => plainName.test(name))) return names.toSorted()
  return readdirSync(directory, { encoding: 'buffer' }).map(textOf).toSorted(compareBytes)
}

/** All paths below a directory, each directory before what is in it. */
export function* walk(tree: Pick<Tree, 'list' | 'lstat'>, directory: string): Generator<readonly [string, FileNode]> {
  // Not by calling itself: each path would be handed up through all directories above it.
  const waiting = [{ directory, names: tree.list(directory), next: 0 }]
  for (let top = waiting.at(-1); top !== undefined; top = waiting.at(-1)) {
    const name = top.names[top.next++]
    if (name === undefined) {
      waiting.pop()
      continue
    }
    const path = childPath(top.directory, name)
    const node = tree.lstat(path)
    if (node === undefined) continue
    yield [path, node]
    if (node.type === 'directory') waiting.push({ directory: path, names: tree.list(path), next: 0 })
  }
}

/** The time of the last change counts too: unlike that of the content nobody can set it back. */
function checkSame(node: FileNode, stats: Stats, changed: () => BuildError): void {
  if (!('disk' in node)) return
  const { disk, size } = node as DiskNode
  if (!stats.isFile() || stats.dev !== disk.dev || stats.ino !== disk.ino) throw changed()
  if (stats.size !== size || stats.mtimeMs !== disk.mtimeMs || stats.ctimeMs !== disk.ctimeMs) throw changed()
}

function typeOf(stats: Stats): FileNode['type'] {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isCharacterDevice()) return 'character'
  if (stats.isBlockDevice()) return 'block'
  return stats.isFIFO() ? 'fifo' : 'socket'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
