import type { LayerCompression } from '@gantry/oci'
import { assembleImage } from '../assemble.ts'
import type { BlobIngester, BlobSource } from '../blob.ts'
import type { Codec } from '../codec.ts'
import type { Image } from '../image.ts'
import { ingestLayer } from '../ingest-layer.ts'
import { overlaySource } from '../overlay-source.ts'
import { exportTar } from './export-files.ts'

/** How an image is flattened. */
export interface FlattenOptions {
  readonly codec: Codec
  /** Takes the new layer. */
  readonly into: BlobIngester & BlobSource
  /** `none` by default, as layers are kept locally. */
  readonly compression?: LayerCompression
  readonly signal?: AbortSignal
}

/**
 * The same image with all its files in one layer: what upper layers hide or replace is gone. The configuration stays; the
 * history keeps its steps as ones without a layer, and tells of the new one last. Equal images
 * make equal digests.
 *
 * @throws as `exportTar`
 */
export async function flatten(image: Image, options: FlattenOptions): Promise<Image> {
  const { codec, into, compression = 'none', signal } = options
  const abort = signal === undefined ? {} : { signal }
  const [manifest, config] = await Promise.all([image.manifest(), image.config()])
  const layer = await ingestLayer(exportTar(image, abort), into, { codec, compression, ...abort })
  const { created } = config
  const steps = (config.history ?? []).map((step) => ({ ...step, empty_layer: true }))
  const step = {
    ...(created === undefined ? {} : { created }),
    created_by: `flatten ${manifest.layers.length} layers of ${image.descriptor.digest}`,
  }
  return assembleImage(
    {
      config: { ...config, history: [...steps, step] },
      layers: [layer],
      ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
    },
    { source: overlaySource(image.source, new Map([[layer.descriptor.digest, into]])), codec },
  )
}
