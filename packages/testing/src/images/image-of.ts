import {
  assembleImage,
  copy,
  ingestLayer,
  openImage,
  readerOf,
  type BlobSink,
  type BlobSource,
  type Codec,
  type Image,
} from '@gantry/image'
import type { ContainerConfig, LayerCompression } from '@gantry/oci'
import { writeTar, type TarInput } from '@gantry/tar'
import { describe, readAll } from '../blobs/bytes.ts'
import { hostPlatform } from './host-platform.ts'

/** What an image is made of, besides its layers. */
export interface ImageOfOptions {
  readonly codec: Codec
  readonly config?: ContainerConfig
  readonly compression?: LayerCompression
}

/**
 * Puts an image for this machine into a store: each layer from its entries, lowest first. Reproducible. For tests: a
 * layer is in memory once.
 */
export async function imageOf(
  store: BlobSource & BlobSink,
  layers: readonly (readonly TarInput[])[],
  options: ImageOfOptions,
): Promise<Image> {
  const { codec, config = {}, compression = 'none' } = options
  const into = {
    ingest: async (body: AsyncIterable<Uint8Array>, { mediaType }: { readonly mediaType: string }) => {
      const bytes = await readAll(body)
      const descriptor = describe(bytes, { mediaType })
      await store.put(descriptor, readerOf(bytes))
      return descriptor
    },
  }
  const parts = []
  for (const entries of layers) parts.push(await ingestLayer(writeTar(entries), into, { codec, compression }))
  const image = await assembleImage(
    { config: { created: '1970-01-01T00:00:00Z', ...hostPlatform(), config }, layers: parts },
    { source: store, codec },
  )
  await copy(image.source, store, image.descriptor)
  return openImage(store, image.descriptor, { codec })
}
