import type { HistoryEntry, LayerCompression } from '@gantry/oci'
import type { BlobIngester, BlobSource } from '../blob.ts'
import type { Codec } from '../codec.ts'
import type { Image } from '../image.ts'
import { ingestLayer } from '../ingest-layer.ts'
import { mutate, type AppendedLayer } from '../mutate.ts'

/** A tar that becomes a layer. */
export interface NewLayer {
  /** Uncompressed. */
  readonly tar: AsyncIterable<Uint8Array>
  readonly history?: HistoryEntry
}

/** How layers are appended. */
export interface AppendOptions {
  readonly codec: Codec
  /** Takes the new layers. */
  readonly into: BlobIngester & BlobSource
  /** `none` by default, as layers are kept locally. */
  readonly compression?: LayerCompression
  readonly signal?: AbortSignal
}

/** Puts tars on top of an image as layers, lowest first. Each tar is read once. Equal inputs make equal digests. */
export async function append(image: Image, layers: readonly NewLayer[], options: AppendOptions): Promise<Image> {
  const { codec, into, compression = 'none', signal } = options
  const appended: AppendedLayer[] = []
  const [config, manifest] = await Promise.all([image.config(), image.manifest()])
  const steps = config.history?.filter((step) => step.empty_layer !== true).length ?? 0
  // A history that does not tell of every layer is better without the new ones, which would seem to be others.
  const isTold = steps === manifest.layers.length
  for (const { tar, history = { created_by: 'append' } } of layers) {
    const parts = await ingestLayer(tar, into, { codec, compression, ...(signal === undefined ? {} : { signal }) })
    appended.push({ ...parts, source: into, ...(isTold ? { history } : {}) })
  }
  return mutate(image, { append: appended }, codec)
}
