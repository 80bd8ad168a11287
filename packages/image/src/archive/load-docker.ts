import {
  encodeJson,
  formatReference,
  MediaType,
  parseImageConfig,
  parseReference,
  type Descriptor,
  type Digest,
  type LayerCompression,
  type Manifest,
} from '@gantry/oci'
import { collect, describeBytes, readerOf } from '../bytes.ts'
import type { Codec } from '../codec.ts'
import { ImageError } from '../errors.ts'
import { readDocument } from '../read-document.ts'
import { parseDockerManifest, type DockerArchiveImage } from './docker-manifest.ts'
import type { ArchivedImage } from './save.ts'
import { sniff, sniffBytes } from './sniff.ts'
import { blobAt, type BlobSpool, type SpooledArchive } from './spooled.ts'

/** How a spooled archive is taken in. */
export interface TakeOptions {
  readonly spool: BlobSpool
  readonly codec: Codec
  readonly signal?: AbortSignal
}

/**
 * Takes the images of an archive's `manifest.json`. It has no image manifests, so they are made here; configs stay byte
 * for byte, and with them the image IDs.
 */
export async function takeDockerImages(
  archive: SpooledArchive,
  manifest: Uint8Array,
  options: TakeOptions,
): Promise<readonly ArchivedImage[]> {
  const loaded: ArchivedImage[] = []
  for (const image of parseDockerManifest(manifest)) {
    const descriptor = await takeImage(archive, image, options)
    const references = image.RepoTags.map((tag) => formatReference(parseReference(tag)))
    if (references.length === 0) loaded.push({ descriptor })
    for (const reference of references) loaded.push({ reference, descriptor })
  }
  return loaded
}

async function takeImage(
  archive: SpooledArchive,
  image: DockerArchiveImage,
  options: TakeOptions,
): Promise<Descriptor> {
  const { spool, codec } = options
  const config = { ...blobAt(archive, image.Config), mediaType: MediaType.imageConfig }
  const diffIds = parseImageConfig(await readDocument(spool, config, options)).rootfs.diff_ids
  if (diffIds.length !== image.Layers.length) {
    throw new ImageError(
      'ARCHIVE_INVALID',
      `Cannot load the image ${config.digest}: the archive has ${image.Layers.length} layers of it, the config ${diffIds.length} diff IDs`,
    )
  }
  const layers: Descriptor[] = []
  for (const [at, path] of image.Layers.entries()) {
    layers.push(await takeLayer(blobAt(archive, path), diffIds[at]!, options))
  }
  const manifest: Manifest = { schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers }
  const bytes = encodeJson(manifest)
  const descriptor = await describeBytes(bytes, MediaType.imageManifest, codec)
  await spool.put(descriptor, readerOf(bytes), options)
  return descriptor
}

const layerTypes: Readonly<Record<LayerCompression, string>> = {
  none: MediaType.layerTar,
  gzip: MediaType.layerTarGzip,
  zstd: MediaType.layerTarZstd,
}

async function takeLayer(blob: Descriptor, diffId: Digest, { spool, signal }: TakeOptions): Promise<Descriptor> {
  const range = { start: 0, end: Math.min(sniffBytes, blob.size) }
  await using reader = await spool.open(blob, signal === undefined ? { range } : { range, signal })
  const compression = sniff((await collect(reader, sniffBytes)) ?? new Uint8Array())
  if (compression === 'xz' || compression === 'bzip2') {
    throw new ImageError('LAYER_INVALID', `Cannot load the layer ${diffId}: it is compressed with ${compression}`)
  }
  if (compression === 'none' && blob.digest !== diffId) {
    throw new ImageError('DIGEST_MISMATCH', `Cannot load the layer ${diffId}: its tar has the digest ${blob.digest}`)
  }
  return { ...blob, mediaType: layerTypes[compression] }
}
