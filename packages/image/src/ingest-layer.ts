import { MediaType, type Digest, type LayerCompression } from '@gantry/oci'
import type { LayerParts } from './assemble.ts'
import type { BlobIngester } from './blob.ts'
import type { Codec } from './codec.ts'
import { ImageError } from './errors.ts'
import { hashed } from './verified.ts'

/** How a layer is written. */
export interface IngestLayerOptions {
  readonly codec: Codec
  /** `none` by default: compressing is for when a layer leaves. */
  readonly compression?: LayerCompression
  readonly signal?: AbortSignal
}

const types: Readonly<Record<LayerCompression, string>> = {
  none: MediaType.layerTar,
  gzip: MediaType.layerTarGzip,
  zstd: MediaType.layerTarZstd,
}

/** Writes a tar as a layer, and answers what a manifest and a config say of it. The tar is read once. */
export async function ingestLayer(
  tar: AsyncIterable<Uint8Array>,
  into: BlobIngester,
  { codec, compression = 'none', signal }: IngestLayerOptions,
): Promise<LayerParts> {
  const options = { mediaType: types[compression], ...(signal === undefined ? {} : { signal }) }
  if (compression === 'none') {
    const descriptor = await into.ingest(tar, options)
    return { descriptor, diffId: descriptor.digest }
  }
  let diffId: Digest | undefined
  const body = async function* (): AsyncGenerator<Uint8Array> {
    diffId = yield* hashed(tar, codec.hasher('sha256'))
  }
  const descriptor = await into.ingest(codec.compress(compression, body()), options)
  if (diffId === undefined) {
    throw new ImageError(
      'LAYER_INVALID',
      `Cannot tell the diff ID of ${descriptor.digest}: its tar was not read to the end`,
    )
  }
  return { descriptor, diffId }
}
