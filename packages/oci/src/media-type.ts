/**
 * The media types that Gantry reads and writes.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md
 * @see https://github.com/distribution/distribution/blob/v3.0.0/docs/content/spec/manifest-v2-2.md
 */
export const MediaType = {
  imageManifest: 'application/vnd.oci.image.manifest.v1+json',
  imageIndex: 'application/vnd.oci.image.index.v1+json',
  imageConfig: 'application/vnd.oci.image.config.v1+json',
  layerTar: 'application/vnd.oci.image.layer.v1.tar',
  layerTarGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerTarZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  nondistributableTar: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
  nondistributableTarGzip: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  nondistributableTarZstd: 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  layoutHeader: 'application/vnd.oci.layout.header.v1+json',
  emptyJson: 'application/vnd.oci.empty.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayerTar: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayerZstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
  dockerForeignLayerGzip: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
} as const

/** How a layer's tar is packed. */
export type LayerCompression = 'none' | 'gzip' | 'zstd'

const layers: Readonly<Record<string, LayerCompression>> = {
  [MediaType.layerTar]: 'none',
  [MediaType.layerTarGzip]: 'gzip',
  [MediaType.layerTarZstd]: 'zstd',
  [MediaType.nondistributableTar]: 'none',
  [MediaType.nondistributableTarGzip]: 'gzip',
  [MediaType.nondistributableTarZstd]: 'zstd',
  [MediaType.dockerLayerTar]: 'none',
  [MediaType.dockerLayerGzip]: 'gzip',
  [MediaType.dockerLayerZstd]: 'zstd',
  [MediaType.dockerForeignLayerGzip]: 'gzip',
}

/** Whether the media type is that of an image manifest, OCI's or Docker's. */
export function isManifestType(mediaType: string): boolean {
  return mediaType === MediaType.imageManifest || mediaType === MediaType.dockerManifest
}

/** Whether the media type is that of an image index or manifest list. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === MediaType.imageIndex || mediaType === MediaType.dockerManifestList
}

/** Whether the media type is that of an image's configuration. */
export function isConfigType(mediaType: string): boolean {
  return mediaType === MediaType.imageConfig || mediaType === MediaType.dockerConfig
}

/** Whether the media type is that of a file system layer. */
export function isLayerType(mediaType: string): boolean {
  return Object.hasOwn(layers, mediaType)
}

/** Whether the layer is one that is fetched from its `urls` and not pushed to registries. */
export function isNondistributableType(mediaType: string): boolean {
  return mediaType.includes('.nondistributable.') || mediaType === MediaType.dockerForeignLayerGzip
}

/** How the bytes of that media type are packed; `none` for what is no layer. */
export function layerCompression(mediaType: string): LayerCompression {
  return Object.hasOwn(layers, mediaType) ? (layers[mediaType] ?? 'none') : 'none'
}
