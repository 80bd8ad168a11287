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
import type { BlobSink, BlobSource } from '../blob.ts'
import { describeBytes, readerOf } from '../bytes.ts'
import type { Codec } from '../codec.ts'
import { ImageError } from '../errors.ts'
import { readDocument } from '../read-document.ts'
import { parseDockerManifest, type DockerArchiveImage } from './docker-manifest.ts'
import type { ArchiveFiles } from './archive-files.ts'
import type { LayoutEntry } from './layout-names.ts'
import { sniff, sniffBytes } from './sniff.ts'

/** How the images of an archive are taken. */
export interface TakeOptions {
  /** Has the archive's blobs, and takes the manifests that are made. */
  readonly blobs: BlobSource & Pick<BlobSink, 'put'>
  readonly codec: Codec
  readonly signal?: AbortSignal
}

/**
 * Takes the images of an archive's `manifest.json`. It has no image manifests, so they are made here; configs stay byte
 * for byte, and with them the image IDs.
 */
export async function takeDockerImages(
  archive: ArchiveFiles,
  manifest: Uint8Array,
  options: TakeOptions,
): Promise<readonly LayoutEntry[]> {
  const loaded: LayoutEntry[] = []
  for (const image of parseDockerManifest(manifest)) {
    const descriptor = await takeImage(archive, image, options)
    if (image.RepoTags.length === 0) loaded.push({ descriptor })
    for (const name of image.RepoTags) {
      loaded.push({ name, reference: formatReference(parseReference(name)), descriptor })
    }
  }
  return loaded
}

async function takeImage(archive: ArchiveFiles, image: DockerArchiveImage, options: TakeOptions): Promise<Descriptor> {
  const { blobs, codec } = options
  const config = { ...(await archive.describe(image.Config)), mediaType: MediaType.imageConfig }
  const diffIds = parseImageConfig(await readDocument(blobs, config, options)).rootfs.diff_ids
  if (diffIds.length !== image.Layers.length) {
    throw new ImageError(
      'ARCHIVE_INVALID',
      `Cannot load the image ${config.digest}: the archive has ${image.Layers.length} layers of it, the config ${diffIds.length} diff IDs`,
    )
  }
  const layers: Descriptor[] = []
  for (const [at, path] of image.Layers.entries()) {
    layers.push(await takeLayer(archive, path, diffIds[at]!))
  }
  const manifest: Manifest = { schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers }
  const bytes = encodeJson(manifest)
  const descriptor = await describeBytes(bytes, MediaType.imageManifest, codec)
  await blobs.put(descriptor, readerOf(bytes), options)
  return descriptor
}

const layerTypes: Readonly<Record<LayerCompression, string>> = {
  none: MediaType.layerTar,
  gzip: MediaType.layerTarGzip,
  zstd: MediaType.layerTarZstd,
}

async function takeLayer(archive: ArchiveFiles, path: string, diffId: Digest): Promise<Descriptor> {
  const compression = sniff(await archive.head(path, sniffBytes))
  if (compression === 'xz' || compression === 'bzip2') {
    throw new ImageError('LAYER_INVALID', `Cannot load the layer ${diffId}: it is compressed with ${compression}`)
  }
  const blob = await archive.describe(path, compression === 'none' ? diffId : undefined)
  if (compression === 'none' && blob.digest !== diffId) {
    throw new ImageError('DIGEST_MISMATCH', `Cannot load the layer ${diffId}: its tar has the digest ${blob.digest}`)
  }
  return { ...blob, mediaType: layerTypes[compression] }
}
