import {
  encodeJson,
  isConfigType,
  isLayerType,
  isNondistributableType,
  layerCompression,
  MediaType,
  parseImageConfig,
  parseManifestOrIndex,
  type Descriptor,
  type Digest,
  type Index,
  type LayerCompression,
  type Manifest,
} from '@gantry/oci'
import type { BlobIngester, BlobSource } from './blob.ts'
import { describeBytes } from './bytes.ts'
import { hasChildren } from './children.ts'
import type { Codec } from './codec.ts'
import { attestedAnnotation, type SourceView } from './copy-platforms.ts'
import { ImageError } from './errors.ts'
import { deepestIndex, viewLayer } from './open-image.ts'
import { overlaySource } from './overlay-source.ts'
import { readDocument } from './read-document.ts'

/** The two families of media types. */
export type ImageFormat = 'oci' | 'docker'

/** What an image becomes on its way. */
export interface ConvertOptions {
  readonly codec: Codec
  /** Media types; those it has when absent. */
  readonly format?: ImageFormat
  /** How layers are packed; as they are when absent. */
  readonly compression?: LayerCompression
  /** Compress only layers that are not compressed at all; others keep the compression they have. */
  readonly onlyUncompressed?: boolean
  /** Remembers what layers became, so that none is packed twice; `find` answers only what `spool` still has. */
  readonly packed?: {
    find(diffId: Digest, compression: LayerCompression): Promise<Descriptor | undefined>
    remember(diffId: Digest, descriptor: Descriptor): void
  }
  /** Takes the layers that are packed anew: their digest is known only when they are made. */
  readonly spool: BlobSource & BlobIngester
  /** Leaves out nothing, but manifests of an index that the source does not have stay as they are. */
  readonly sparse?: boolean
  readonly signal?: AbortSignal
}

/**
 * Shows an image or index in another format or compression. What is in the right form already stays as it is, byte for
 * byte, and so does what is no image (artifacts, attestations). Configs never change, and with them the image IDs. The same
 * content and options make the same digests (of one release of the codec).
 *
 * @throws {ImageError} LAYER_INVALID: the config and the manifest do not agree; DIGEST_MISMATCH: a layer is not its diff ID;
 *   FORMAT_UNSUPPORTED: Docker's format has no layers with zstd
 */
export async function convertImage(view: SourceView, options: ConvertOptions): Promise<SourceView> {
  const made = new Map<Digest, Uint8Array | BlobSource>()
  const converter = new Converter(view.source, options, made)
  const descriptor = await converter.convert(view.descriptor, 0)
  if (descriptor.digest === view.descriptor.digest) return view
  return { source: overlaySource(view.source, made), descriptor }
}

class Converter {
  readonly #source: BlobSource
  readonly #options: ConvertOptions
  readonly #made: Map<Digest, Uint8Array | BlobSource>
  readonly #layers = new Map<Digest, Promise<Descriptor>>()

  constructor(source: BlobSource, options: ConvertOptions, made: Map<Digest, Uint8Array | BlobSource>) {
    this.#source = source
    this.#options = options
    this.#made = made
  }

  async convert(descriptor: Descriptor, depth: number): Promise<Descriptor> {
    if (!hasChildren(descriptor)) return descriptor
    if (depth >= deepestIndex) {
      const problem = `Cannot convert ${descriptor.digest}: indexes nest deeper than ${deepestIndex}`
      throw new ImageError('MANIFEST_UNKNOWN', problem, { side: 'source' })
    }
    const bytes = await readDocument(this.#source, descriptor, this.#options)
    const content = parseManifestOrIndex(bytes, descriptor.mediaType)
    return content.kind === 'manifest'
      ? this.#convertManifest(descriptor, content.manifest)
      : this.#convertIndex(descriptor, content.index, depth)
  }

  async #convertIndex(descriptor: Descriptor, index: Index, depth: number): Promise<Descriptor> {
    const renamed = new Map<string, Digest>()
    const converted: Descriptor[] = []
    for (const child of index.manifests) {
      const after = await this.#convertChild(child, depth)
      if (after.digest !== child.digest) renamed.set(child.digest, after.digest)
      converted.push(after)
    }
    const manifests = converted.map((child) => {
      const about = renamed.get(child.annotations?.[attestedAnnotation] ?? '')
      return about === undefined
        ? child
        : { ...child, annotations: { ...child.annotations, [attestedAnnotation]: about } }
    })
    const mediaType = this.#typeOf(descriptor.mediaType, MediaType.imageIndex, MediaType.dockerManifestList)
    if (renamed.size === 0 && mediaType === descriptor.mediaType) return descriptor
    return this.#replace(descriptor, mediaType, { ...index, mediaType, manifests })
  }

  async #convertChild(child: Descriptor, depth: number): Promise<Descriptor> {
    try {
      return await this.convert(child, depth + 1)
    } catch (error) {
      if (this.#options.sparse === true && error instanceof ImageError && error.code === 'BLOB_UNKNOWN') return child
      throw error
    }
  }

  async #convertManifest(descriptor: Descriptor, manifest: Manifest): Promise<Descriptor> {
    const { config, layers } = manifest
    const isImage = isConfigType(config.mediaType) && layers.every(({ mediaType }) => isLayerType(mediaType))
    // Docker's manifests have no subject, so that what refers to something else cannot be one.
    if (!isImage || manifest.subject !== undefined) return descriptor
    const mediaType = this.#typeOf(descriptor.mediaType, MediaType.imageManifest, MediaType.dockerManifest)
    const configType = this.#typeOf(config.mediaType, MediaType.imageConfig, MediaType.dockerConfig)
    const converted = await this.#convertLayers(config, layers)
    const isSame =
      mediaType === descriptor.mediaType &&
      configType === config.mediaType &&
      converted.every((layer, at) => layer === layers[at])
    if (isSame) return descriptor
    const document = { ...manifest, mediaType, config: { ...config, mediaType: configType }, layers: converted }
    return this.#replace(descriptor, mediaType, document)
  }

  async #convertLayers(config: Descriptor, layers: readonly Descriptor[]): Promise<readonly Descriptor[]> {
    const { compression, onlyUncompressed = false } = this.#options
    const isRight = ({ mediaType }: Descriptor): boolean => {
      const has = layerCompression(mediaType)
      const isKept = compression === undefined || has === compression || (onlyUncompressed && has !== 'none')
      return isKept || isNondistributableType(mediaType)
    }
    const diffIds = layers.every(isRight)
      ? []
      : parseImageConfig(await readDocument(this.#source, config, this.#options)).rootfs.diff_ids
    const converted: Descriptor[] = []
    // One after the other: packing one takes all there is.
    for (const [at, layer] of layers.entries()) {
      const diffId = diffIds[at]
      const packed = isRight(layer) ? layer : await this.#repack(layer, diffId, config)
      converted.push(this.#typed(packed))
    }
    return converted
  }

  #repack(layer: Descriptor, diffId: Digest | undefined, config: Descriptor): Promise<Descriptor> {
    if (diffId === undefined) {
      const problem = `the config ${config.digest} has no diff ID for it`
      throw new ImageError('LAYER_INVALID', `Cannot convert the layer ${layer.digest}: ${problem}`, { side: 'source' })
    }
    const known = this.#layers.get(layer.digest)
    if (known !== undefined) return known
    const packed = this.#pack(layer, diffId)
    this.#layers.set(layer.digest, packed)
    return packed
  }

  async #pack(layer: Descriptor, diffId: Digest): Promise<Descriptor> {
    const { compression = 'none', codec, spool, packed, signal } = this.#options
    const options = signal === undefined ? {} : { signal }
    const known = await packed?.find(diffId, compression)
    if (known !== undefined) {
      this.#made.set(known.digest, spool)
      return { ...layer, mediaType: packedType(layer.mediaType, compression), digest: known.digest, size: known.size }
    }
    const tar = await viewLayer(this.#source, { descriptor: layer, diffId }, codec).openTar(options)
    const mediaType = packedType(layer.mediaType, compression)
    const body = compression === 'none' ? tar : codec.compress(compression, tar)
    const { digest, size } = await spool.ingest(body, { mediaType, ...options })
    this.#made.set(digest, spool)
    packed?.remember(diffId, { mediaType, digest, size })
    return { ...layer, mediaType, digest, size }
  }

  #typed(layer: Descriptor): Descriptor {
    if (this.#options.format === 'docker' && layerCompression(layer.mediaType) === 'zstd') {
      throw new ImageError(
        'FORMAT_UNSUPPORTED',
        `Cannot convert the layer ${layer.digest} to Docker's format: that has no zstd; have layers packed with gzip too`,
      )
    }
    const mediaType =
      this.#options.format === undefined ? undefined : layerTypes[this.#options.format].get(layer.mediaType)
    return mediaType === undefined || mediaType === layer.mediaType ? layer : { ...layer, mediaType }
  }

  #typeOf(before: string, oci: string, docker: string): string {
    const { format } = this.#options
    return format === undefined ? before : format === 'oci' ? oci : docker
  }

  async #replace(before: Descriptor, mediaType: string, document: object): Promise<Descriptor> {
    const bytes = encodeJson(document)
    const { digest, size } = await describeBytes(bytes, mediaType, this.#options.codec)
    this.#made.set(digest, bytes)
    return { ...before, mediaType, digest, size }
  }
}

const pairs = [
  [MediaType.layerTar, MediaType.dockerLayerTar],
  [MediaType.layerTarGzip, MediaType.dockerLayerGzip],
  [MediaType.nondistributableTarGzip, MediaType.dockerForeignLayerGzip],
] as const

const layerTypes: Readonly<Record<ImageFormat, ReadonlyMap<string, string>>> = {
  // Some tools write zstd into Docker's format all the same.
  oci: new Map([
    ...pairs.map(([oci, docker]) => [docker, oci] as const),
    [MediaType.dockerLayerZstd, MediaType.layerTarZstd],
  ]),
  docker: new Map(pairs),
}

function packedType(mediaType: string, compression: LayerCompression): string {
  const isDocker = mediaType.startsWith('application/vnd.docker.')
  const types = {
    none: isDocker ? MediaType.dockerLayerTar : MediaType.layerTar,
    gzip: isDocker ? MediaType.dockerLayerGzip : MediaType.layerTarGzip,
    zstd: isDocker ? MediaType.dockerLayerZstd : MediaType.layerTarZstd,
  }
  return types[compression]
}
