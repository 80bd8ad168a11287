import {
  encodeJson,
  MediaType,
  type Descriptor,
  type Digest,
  type ImageConfig,
  type Index,
  type Manifest,
} from '@gantry/oci'
import type { BlobSource } from './blob.ts'
import { describeBytes } from './bytes.ts'
import type { Codec } from './codec.ts'
import type { Image, ImageIndex } from './image.ts'
import { openImage, openIndex } from './open-image.ts'
import { overlaySource } from './overlay-source.ts'

/** What a layer is in a new image; a `Layer` is one. */
export interface LayerParts {
  readonly descriptor: Descriptor
  readonly diffId: Digest
}

/** What a new image is made of. */
export interface ImageParts {
  /** The configuration without its `rootfs`, which the layers give. Members nobody knows are kept. */
  readonly config: Omit<ImageConfig, 'rootfs'>
  /** Lowest first; Docker's media types become the OCI types of the same bytes. */
  readonly layers: readonly LayerParts[]
  readonly annotations?: Readonly<Record<string, string>>
}

/** How documents are assembled. */
export interface AssembleOptions {
  /** Has the blobs that the new document points at. */
  readonly source: BlobSource
  readonly codec: Codec
}

/**
 * Makes an OCI image: its config and manifest are new documents, known only to the view's source, until
 * `copy(image.source, sink, image.descriptor)` writes them. Equal parts make equal bytes.
 */
export async function assembleImage(parts: ImageParts, { source, codec }: AssembleOptions): Promise<Image> {
  const { layers, annotations } = parts
  const diffIds = layers.map((layer) => layer.diffId)
  const configBytes = encodeJson(inOrder({ ...parts.config, rootfs: { type: 'layers', diff_ids: diffIds } }))
  const config = await describeBytes(configBytes, MediaType.imageConfig, codec)
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    config,
    layers: layers.map(({ descriptor }) => withoutPlace(descriptor)),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
  }
  const manifestBytes = encodeJson(manifest)
  const descriptor = await describeBytes(manifestBytes, MediaType.imageManifest, codec)
  const documents = new Map([
    [config.digest, configBytes],
    [descriptor.digest, manifestBytes],
  ])
  return openImage(overlaySource(source, documents), descriptor, { codec })
}

/** Makes an OCI index of manifests, whose descriptors say their platforms. Equal parts make equal bytes. */
export async function assembleIndex(
  parts: Pick<Index, 'manifests' | 'annotations'>,
  { source, codec }: AssembleOptions,
): Promise<ImageIndex> {
  const { manifests, annotations } = parts
  const index: Index = {
    schemaVersion: 2,
    mediaType: MediaType.imageIndex,
    manifests,
    ...(annotations === undefined ? {} : { annotations }),
  }
  const bytes = encodeJson(index)
  const descriptor = await describeBytes(bytes, MediaType.imageIndex, codec)
  return openIndex(overlaySource(source, new Map([[descriptor.digest, bytes]])), descriptor, { codec })
}

// The order of Go's structures, as other builders write it.
function inOrder(config: ImageConfig): ImageConfig {
  const { created, author, architecture, os, variant, config: container, rootfs, history, ...others } = config
  const ordered = { created, author, architecture, os, variant, config: container, rootfs, history, ...others }
  return ordered as ImageConfig
}

const ociTypes: Readonly<Record<string, string>> = {
  [MediaType.dockerLayerTar]: MediaType.layerTar,
  [MediaType.dockerLayerGzip]: MediaType.layerTarGzip,
  [MediaType.dockerLayerZstd]: MediaType.layerTarZstd,
  [MediaType.dockerForeignLayerGzip]: MediaType.nondistributableTarGzip,
}

function withoutPlace({ mediaType, digest, size, urls, annotations }: Descriptor): Descriptor {
  return {
    mediaType: ociTypes[mediaType] ?? mediaType,
    digest,
    size,
    ...(urls === undefined ? {} : { urls }),
    ...(annotations === undefined ? {} : { annotations }),
  }
}
