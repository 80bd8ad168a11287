import type { TarHeader } from '@gantry/tar'
import type { Image } from '../image.ts'
import type { FileChange } from './file-view.ts'
import { readFiles, type LayerFiles, type ReadFilesOptions } from './read-files.ts'

/** A file that an image shows. */
export interface ImageFile {
  /** Relative to the root, which itself is `.`. */
  readonly path: string
  readonly header: TarHeader
  /** Index of the layer that it comes from. */
  readonly layer: number
  /** How many names it has. */
  readonly links: number
}

/** The layers and files of an image. */
export interface ImageTree {
  readonly layers: readonly LayerFiles[]
  /** Every file that the image shows, directories before what is in them, in order of their names. */
  files(): Iterable<ImageFile>
  /** Bytes of the files that it shows; a file of several names counts once. */
  readonly bytes: number
  /** Bytes of files that the layers hold and the image does not show. */
  readonly wastedBytes: number
  /** Where those bytes are, the most first: `times` says how often a file was replaced or removed. */
  readonly wasted: readonly { readonly path: string; readonly bytes: number; readonly times: number }[]
}

/** How a tree is read. */
export interface ImageTreeOptions {
  readonly signal?: AbortSignal
  /** Called for every change as its layer is read. */
  readonly onChange?: (change: FileChange, layer: number) => void
}

/**
 * Reads what an image is made of: its layers with what each adds, changes and deletes, the files that are seen in the end and
 * the bytes that no file shows any more. The layers are streamed; memory holds the metadata of the files.
 *
 * @throws as `readFiles`
 */
export async function imageTree(image: Image, options: ImageTreeOptions = {}): Promise<ImageTree> {
  const layers: LayerFiles[] = []
  const reading: ReadFilesOptions = { ...options, onLayer: (layer) => void layers.push(layer) }
  const view = await readFiles(image, reading)
  const files = function* (): Generator<ImageFile> {
    for (const { path, inode } of view.files()) {
      yield { path, header: { ...inode.header, path }, layer: inode.layer, links: inode.paths.size }
    }
  }
  let bytes = 0
  for (const { path, inode } of view.files()) {
    const [first] = inode.paths
    if (inode.header.type === 'file' && path === first) bytes += inode.header.size
  }
  const wasted = view.wasted()
  return { layers, files, bytes, wasted, wastedBytes: wasted.reduce((sum, each) => sum + each.bytes, 0) }
}
