import { writeTar, type TarHeader, type TarInput } from '@gantry/tar'
import type { Image } from '../image.ts'
import type { FileView, Inode } from './file-view.ts'
import { entriesOf, readFiles } from './read-files.ts'

/** How a file system is written. */
export interface ExportOptions {
  readonly signal?: AbortSignal
}

/**
 * Writes the root file system of an image as one tar: what a container of it sees, whiteouts applied, hard links, devices and
 * extended attributes kept. The layers are read twice, first for what is left in the end, then for the content. Equal images
 * make equal bytes: entries stand in the order of the layers, each directory before what is in it.
 *
 * @throws as `readFiles`, from the stream
 */
export function exportTar(image: Image, options: ExportOptions = {}): AsyncIterable<Uint8Array> {
  return writeTar(exportEntries(image, options), { subsecond: true })
}

async function* exportEntries(image: Image, { signal }: ExportOptions): AsyncGenerator<TarInput> {
  const view = await readFiles(image, signal === undefined ? {} : { signal })
  const written = new Set<string>()
  const root = view.get('.')
  if (root !== undefined) yield* directories(view, ['.'], written)
  for (const [index, layer] of (await image.layers()).entries()) {
    let ordinal = -1
    for await (const entry of entriesOf(layer, signal)) {
      ordinal++
      const inode = view.inodeOf(index, ordinal)
      if (inode === undefined || inode.paths.size === 0) continue
      yield* names(view, inode, entry.body, written)
    }
  }
  // Directories that no entry describes and that nothing is in.
  for (const { path, inode } of view.files()) {
    if (inode.header.type === 'directory') yield* directories(view, [path], written)
  }
}

/** A file under each of its names: the first with its content, the others as links to it. */
async function* names(
  view: FileView,
  inode: Inode,
  body: AsyncIterable<Uint8Array>,
  written: Set<string>,
): AsyncGenerator<TarInput> {
  const [first = '', ...links] = inode.paths
  const { header } = inode
  yield* directories(view, parentsOf(first), written)
  if (header.type === 'directory') return yield* directories(view, [first], written)
  yield { header: { ...header, path: first }, ...(header.type === 'file' ? { body } : {}) }
  for (const path of links) {
    yield* directories(view, parentsOf(path), written)
    yield { header: linkTo(header, path, first) }
  }
}

function* directories(view: FileView, paths: readonly string[], written: Set<string>): Generator<TarInput> {
  for (const path of paths) {
    const inode = view.get(path)
    if (inode === undefined || written.has(path)) continue
    written.add(path)
    yield { header: { ...inode.header, path } }
  }
}

function linkTo({ mode, uid, gid, mtime, uname, gname }: TarHeader, path: string, linkPath: string): TarHeader {
  return {
    path,
    type: 'hardlink',
    mode,
    uid,
    gid,
    size: 0,
    mtime,
    linkPath,
    ...(uname === undefined ? {} : { uname }),
    ...(gname === undefined ? {} : { gname }),
  }
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'))
}
