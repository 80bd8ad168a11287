import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { normalizeEntryPath, TarError, type TarEvent, type TarHeader, TarReader } from '@gantry/tar'
import { BuildError } from '../build-error.ts'
import { compareBytes } from './fs-path.ts'
import type { FileNode, Tree } from './node.ts'
import { ancestorsOf, childPath, splitPath } from './resolve-path.ts'

interface ArchivedNode extends FileNode {
  /** Where the content is in the spool, and its sha256 in hex. */
  readonly content?: { readonly offset: number; readonly digest: string }
}

/** How an archive is taken in. */
export interface ArchiveOptions {
  /** A file that does not exist yet; its owner removes it. */
  readonly spool: string
  /** What errors call the archive. */
  readonly name: string
  /** The most bytes that its files may have together. */
  readonly limit: number
}

const readSize = 1 << 20
const zeros = Buffer.alloc(1 << 20)
const implied: ArchivedNode = {
  implied: true,
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
}

/**
 * What is in an archive, as a tree to copy from: owners, times, links and attributes as the archive has them. The contents lie one
 * after the other in a file that belongs to the caller; nothing is unpacked, so nothing can be written outside.
 */
export class ArchiveTree implements Tree, AsyncDisposable {
  readonly #nodes: ReadonlyMap<string, ArchivedNode>
  readonly #names: ReadonlyMap<string, readonly string[]>
  readonly #spool: FileHandle

  private constructor(nodes: ReadonlyMap<string, ArchivedNode>, spool: FileHandle) {
    this.#nodes = nodes
    this.#spool = spool
    const names = new Map<string, string[]>()
    for (const path of nodes.keys()) {
      if (path === '') continue
      const { parent, name } = splitPath(path)
      const there = names.get(parent)
      if (there === undefined) names.set(parent, [name])
      else there.push(name)
    }
    for (const list of names.values()) list.sort(compareBytes)
    this.#names = names
  }

  /**
   * Reads an archive that is not compressed. Entries that come later replace earlier ones.
   * @throws BuildError SOURCE_UNREADABLE when it is no archive, is damaged, too large, or has paths that lead out of it
   */
  static async read(body: AsyncIterable<Uint8Array>, options: ArchiveOptions): Promise<ArchiveTree> {
    const { spool, name, limit } = options
    const file = await open(spool, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
    try {
      return new ArchiveTree(await new Intake(file).read(body, limit), file)
    } catch (error) {
      await file.close()
      if (!(error instanceof TarError)) throw error
      throw new BuildError('SOURCE_UNREADABLE', `Cannot unpack "${name}": ${error.message}`, {
        cause: error,
        hint: 'copy it as it is with COPY, or with ADD --unpack=false',
      })
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#spool.close()
  }

  lstat(path: string): FileNode | undefined {
    return this.#nodes.get(path)
  }

  list(path: string): readonly string[] {
    return this.#names.get(path) ?? []
  }

  async readSmall(path: string): Promise<Uint8Array | undefined> {
    const node = this.#nodes.get(path)
    if (node?.type !== 'file' || node.size > readSize) return undefined
    return Buffer.concat(await Array.fromAsync(this.open(path, node)))
  }

  async *open(path: string, node: FileNode): AsyncGenerator<Uint8Array> {
    const { content } = this.#nodes.get(path) ?? {}
    if (content === undefined) return
    for (let at = 0; at < node.size;) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(readSize, node.size - at))
      const { bytesRead } = await this.#spool.read(buffer, 0, buffer.length, content.offset + at)
      if (bytesRead === 0) throw new BuildError('SOURCE_CHANGED', `Cannot read "${path}" of an archive: it was cut off`)
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  }

  async digest(path: string): Promise<string> {
    return this.#nodes.get(path)?.content?.digest ?? emptyDigest
  }
}

const emptyDigest = createHash('sha256').digest('hex')

/** Takes an archive in: headers into memory, contents into the spool. */
class Intake {
  readonly #nodes = new Map<string, ArchivedNode>([['', implied]])
  readonly #spool: FileHandle
  #offset = 0
  #current: { readonly header: TarHeader; readonly offset: number; readonly hash: Hash } | undefined

  constructor(spool: FileHandle) {
    this.#spool = spool
  }

  async read(body: AsyncIterable<Uint8Array>, limit: number): Promise<ReadonlyMap<string, ArchivedNode>> {
    const reader = new TarReader()
    for await (const chunk of body) {
      reader.push(chunk)
      for (let event = reader.read(); event !== undefined; event = reader.read()) await this.#take(event, limit)
    }
    reader.finish()
    return this.#nodes
  }

  async #take(event: TarEvent, limit: number): Promise<void> {
    switch (event.kind) {
      case 'entry':
        this.#current = { header: event.header, offset: this.#offset, hash: createHash('sha256') }
        break
      case 'data':
        this.#current?.hash.update(event.data)
        this.#grow(event.data.length, limit)
        await this.#spool.write(event.data, 0, event.data.length, this.#offset - event.data.length)
        break
      case 'hole':
        // What is not written reads as zeros.
        this.#grow(event.length, limit)
        for (let left = event.length; left > 0; left -= zeros.length) {
          this.#current?.hash.update(left < zeros.length ? zeros.subarray(0, left) : zeros)
        }
        break
      case 'end': {
        const current = this.#current
        if (current === undefined) break
        const { header, offset, hash } = current
        this.#put(header, header.type === 'file' ? { offset, digest: hash.digest('hex') } : undefined)
        this.#current = undefined
      }
    }
  }

  #grow(length: number, limit: number): void {
    this.#offset += length
    if (this.#offset > limit) throw new TarError('LIMIT', `it holds more than ${limit} bytes`)
  }

  #put(header: TarHeader, content: ArchivedNode['content']): void {
    const entry = normalizeEntryPath(header.path)
    // The directory that it is unpacked into stays as it is.
    if (entry === '.') return
    for (const directory of ancestorsOf(entry)) {
      const node = this.#nodes.get(directory)
      if (node === undefined) this.#nodes.set(directory, implied)
      else if (node.type !== 'directory') {
        throw new TarError('PATH_ESCAPES', `"${header.path}" lies behind "${directory}", which is a ${node.type}`)
      }
    }
    if (header.type !== 'directory') this.#remove(entry)
    this.#nodes.set(entry, this.#nodeOf(header, content))
  }

  #remove(path: string): void {
    if (this.#nodes.get(path)?.type !== 'directory') return
    for (const other of this.#nodes.keys()) if (other.startsWith(childPath(path, ''))) this.#nodes.delete(other)
  }

  #nodeOf(header: TarHeader, content: ArchivedNode['content']): ArchivedNode {
    const { type, mode, uid, gid, size, mtime, linkPath, devMajor, devMinor, xattrs } = header
    if (type === 'hardlink') {
      const target = normalizeEntryPath(linkPath ?? '')
      const node = this.#nodes.get(target)
      if (node === undefined || node.type === 'directory') {
        throw new TarError(
          'PATH_ESCAPES',
          `"${header.path}" is a hard link to "${linkPath ?? ''}", which is not in the archive`,
        )
      }
      const linked = { ...node, link: node.link ?? target }
      this.#nodes.set(target, linked)
      return linked
    }
    return {
      type,
      mode,
      uid,
      gid,
      size: type === 'file' ? size : 0,
      mtime,
      ...(type === 'symlink' && linkPath !== undefined ? { target: linkPath } : {}),
      ...(devMajor === undefined ? {} : { devMajor, devMinor: devMinor ?? 0 }),
      ...(xattrs === undefined ? {} : { xattrs }),
      ...(content === undefined ? {} : { content }),
    }
  }
}
