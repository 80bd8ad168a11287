import { readTar, type TarEntry } from '@gantry/tar'
import { ImageError } from '../errors.ts'
import type { Image, Layer } from '../image.ts'
import { FileView, type FileChange } from './file-view.ts'

/** What is told of a layer that has been read. */
export interface LayerFiles {
  /** 0 is the lowest. */
  readonly index: number
  readonly layer: Layer
  /** The step of the history that made it, where the history tells. */
  readonly createdBy?: string
  /** Entries that put something there. */
  readonly added: number
  readonly changed: number
  readonly deleted: number
  /** Bytes of the files in it. */
  readonly bytes: number
}

/** How the files of an image are read. */
export interface ReadFilesOptions {
  readonly signal?: AbortSignal
  /** Called for every entry as it is read, whiteouts as deletions. */
  readonly onChange?: (change: FileChange, layer: number) => void
  readonly onLayer?: (layer: LayerFiles) => void
}

/**
 * Reads every layer of an image once, lowest first, and answers which files it shows. Only metadata is kept; each layer is
 * verified against its diff ID.
 *
 * @throws {ImageError} LAYER_INVALID, DIGEST_MISMATCH and what the source throws
 * @throws {TarError} the tar of a layer is damaged
 */
export async function readFiles(image: Image, options: ReadFilesOptions = {}): Promise<FileView> {
  const view = new FileView()
  const [layers, config] = await Promise.all([image.layers(), image.config()])
  const steps = (config.history ?? []).filter((step) => step.empty_layer !== true)
  for (const [index, layer] of layers.entries()) {
    view.nextLayer()
    const counts = { added: 0, changed: 0, deleted: 0, unchanged: 0 }
    let bytes = 0
    for await (const { header } of entriesOf(layer, options.signal)) {
      if (header.type === 'file') bytes += header.size
      for (const change of view.apply(header)) {
        counts[change.kind]++
        options.onChange?.(change, index)
      }
    }
    const step = steps.length === layers.length ? steps[index]?.created_by : undefined
    const { added, changed, deleted } = counts
    options.onLayer?.({
      index,
      layer,
      added,
      changed,
      deleted,
      bytes,
      ...(step === undefined ? {} : { createdBy: step }),
    })
  }
  return view
}

/** The entries of a layer's tar; what the tar is damaged by is told with the layer's name. */
export async function* entriesOf(layer: Layer, signal?: AbortSignal): AsyncGenerator<TarEntry> {
  const tar = await layer.openTar(signal === undefined ? {} : { signal })
  try {
    yield* { [Symbol.asyncIterator]: () => readTar(tar)[Symbol.asyncIterator]() }
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'TarError') throw error
    throw new ImageError('LAYER_INVALID', `Cannot read the layer ${layer.descriptor.digest}: ${error.message}`, {
      cause: error,
    })
  }
}
