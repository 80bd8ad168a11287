import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { Codec } from '@gantry/image'
import { normalizeEntryPath, type TarEntry } from '@gantry/tar'
import { BaseError } from '../base-error.ts'
import type { BaseRoot } from './base-root.ts'
import { namesIn, parseControl, type ControlFields } from './debian-control.ts'
import { openDeb } from './read-deb.ts'
import { RootTree, type TreeNode } from './root-tree.ts'

/** A package that was unpacked. */
export interface UnpackedPackage {
  readonly name: string
  readonly fields: ControlFields
  /** The control paragraph as it is written. */
  readonly paragraph: string
  /** The files of its control archive. */
  readonly control: ReadonlyMap<string, Uint8Array>
  /** Every path it has, those that stay out of the image too, as dpkg lists them. */
  readonly paths: readonly string[]
  /** Seconds since 1970: when it was built. */
  readonly time: number
}

/** What unpacking works with. */
export interface UnpackPorts {
  readonly codec: Pick<Codec, 'decompress'>
  /** A file that bytes are kept in while the image is put together. */
  readonly pool: string
}

/** An image of unpacked packages, on which no effect of a script has been worked yet. Disposing of it closes its pool of bytes. */
export interface UnpackedRoot extends BaseRoot, AsyncDisposable {
  readonly packages: readonly UnpackedPackage[]
  /** A file's bytes in pieces. */
  body(node: TreeNode): AsyncIterable<Uint8Array>
  /** Takes bytes in, to be a file's. */
  keep(
    body: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly content: { readonly offset: number }; readonly size: number }>
}

// What a slim image leaves out.
const left = /^usr\/share\/(man|groff|info|lintian|linda|locale)\/.|^usr\/share\/doc\/[^/]+\/(?!copyright$)/

const merged = ['bin', 'lib', 'lib32', 'lib64', 'libx32', 'sbin']

/**
 * Unpacks packages on top of each other, base-files first, then in the order given. Where two have a file, the one that
 * replaces the other has its way.
 *
 * @throws BaseError PACKAGE_INVALID, PACKAGES_CONFLICT
 */
export async function unpackPackages(
  files: readonly { readonly name: string; readonly path: string }[],
  { codec, pool }: UnpackPorts,
): Promise<UnpackedRoot> {
  const tree = new RootTree()
  for (const name of merged) put(tree, `usr/${name}`, name)
  const store = await open(pool, 'w+')
  const packages: UnpackedPackage[] = []
  const unpacking: Unpacking = { tree, store, end: 0, replaces: new Map() }
  try {
    const isFirst = ({ name }: { readonly name: string }): number => (name === 'base-files' ? 0 : 1)
    for (const { name, path } of files.toSorted((a, b) => isFirst(a) - isFirst(b))) {
      await using deb = await openDeb(path, codec)
      const control = await deb.control()
      const paragraph = new TextDecoder().decode(control.get('control')).trimEnd()
      const fields = parseControl(paragraph)[0] ?? new Map<string, string>()
      unpacking.replaces.set(name, new Set(namesIn(fields.get('replaces') ?? '').flat()))
      const paths: string[] = []
      for await (const entry of deb.files()) await unpackEntry(entry, name, { unpacking, paths })
      packages.push({ name, fields, paragraph, control, paths, time: deb.time })
    }
  } catch (error) {
    await store.close()
    throw error
  }
  for (const name of merged) {
    // Links of architectures and packages that are not here.
    const isUsed = tree.has(`usr/${name}`) || ['bin', 'lib', 'sbin'].includes(name)
    if (!isUsed) tree.remove(name)
    else if (!tree.has(`usr/${name}`)) putDirectoryOf(tree, `usr/${name}`)
  }
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const { buffer, bytesRead } = await store.read(Buffer.allocUnsafe(length), 0, length, offset)
    return buffer.subarray(0, bytesRead)
  }
  const readPart = async ({ content, header }: TreeNode, offset: number, length: number): Promise<Uint8Array> => {
    if (content instanceof Uint8Array) return content.subarray(offset, offset + length)
    if (content !== undefined && 'file' in content) return new Uint8Array()
    const wanted = Math.max(0, Math.min(length, header.size - offset))
    return content === undefined || wanted === 0 ? new Uint8Array() : read(content.offset + offset, wanted)
  }
  const readWhole = async (path: string): Promise<Uint8Array | undefined> => {
    const node = tree.get(tree.follow(path))
    if (node?.header.type === 'hardlink') return readWhole(node.header.linkPath ?? '')
    return node?.header.type === 'file' ? readPart(node, 0, node.header.size) : undefined
  }
  return {
    tree,
    packages,
    epoch: Math.max(0, ...packages.map(({ time }) => time)),
    readPart,
    read: readWhole,
    body: (node) => bodyOf(node, readPart),
    keep: (body) => keep(unpacking, body),
    [Symbol.asyncDispose]: () => store.close(),
  }
}

interface Unpacking {
  readonly tree: RootTree
  readonly store: FileHandle
  end: number
  readonly replaces: Map<string, ReadonlySet<string>>
}

async function unpackEntry(
  { header, body }: TarEntry,
  owner: string,
  { unpacking, paths }: { readonly unpacking: Unpacking; readonly paths: string[] },
): Promise<void> {
  const { tree, replaces } = unpacking
  const path = normalizeEntryPath(header.path)
  paths.push(path)
  if (path === '.' || left.test(path)) return
  const { uname: _, gname: __, sparse: ___, ...kept } = header
  const plain = { ...kept, path, mtime: Math.floor(header.mtime) }
  if (header.type === 'directory') {
    const there = tree.get(path)
    // A directory keeps the attributes it has, and a link to one stays: this is dpkg's way.
    if (there !== undefined && (there.header.type === 'directory' || there.header.type === 'symlink')) return
    return tree.put({ header: plain, owner })
  }
  const there = tree.get(path)
  if (there?.owner !== undefined && there.owner !== owner) {
    if (replaces.get(there.owner)?.has(owner) === true) return
    if (replaces.get(owner)?.has(there.owner) !== true) {
      const message = `Cannot unpack ${owner}: its "/${path}" is also in ${there.owner}, and neither replaces the other`
      throw new BaseError('PACKAGES_CONFLICT', message)
    }
  }
  if (header.type === 'hardlink') {
    return tree.put({ header: { ...plain, linkPath: tree.resolve(header.linkPath ?? '') }, owner })
  }
  if (header.type !== 'file') return tree.put({ header: plain, owner })
  const { content } = await keep(unpacking, body)
  tree.put({ header: plain, content, owner })
}

async function keep(
  unpacking: Unpacking,
  body: AsyncIterable<Uint8Array>,
): Promise<{ readonly content: { readonly offset: number }; readonly size: number }> {
  const offset = unpacking.end
  for await (const chunk of body) {
    await unpacking.store.write(chunk, 0, chunk.length, unpacking.end)
    unpacking.end += chunk.length
  }
  return { content: { offset }, size: unpacking.end - offset }
}

async function* bodyOf(node: TreeNode, readPart: BaseRoot['readPart']): AsyncGenerator<Uint8Array> {
  const { content, header } = node
  if (content !== undefined && 'file' in content) {
    yield* createReadStream(content.file, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>
    return
  }
  for (let at = 0; at < header.size; at += 1 << 20) yield await readPart(node, at, 1 << 20)
}

function put(tree: RootTree, target: string, path: string): void {
  const header = { path, type: 'symlink' as const, mode: 0o777, uid: 0, gid: 0, size: 0, mtime: 0, linkPath: target }
  tree.put({ header, owner: undefined })
}

function putDirectoryOf(tree: RootTree, path: string): void {
  tree.put({ header: { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 }, owner: undefined })
}
