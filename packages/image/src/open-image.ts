import {
  formatPlatform,
  isIndexType,
  isManifestType,
  layerCompression,
  matchesPlatform,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parseManifestOrIndex,
  selectPlatform,
  type Descriptor,
  type ImageConfig,
  type Index,
  type Manifest,
  type Platform,
} from '@gantry/oci'
import { abortable } from './abortable.ts'
import type { BlobReader, BlobSource } from './blob.ts'
import type { Codec } from './codec.ts'
import { ImageError } from './errors.ts'
import type { Image, ImageIndex, Layer, LayerOptions } from './image.ts'
import { readDocument } from './read-document.ts'
import { verifiedTar } from './verified.ts'

/** How an image is opened. */
export interface OpenImageOptions {
  readonly codec: Codec
  /** Chooses from an index; required when the descriptor is one's. */
  readonly platform?: Platform
  readonly signal?: AbortSignal
}

/** An index may hold indexes; nobody nests more. */
export const deepestIndex = 8

/**
 * Opens an image: reads its manifest, and for an index first chooses by platform.
 *
 * @throws {ImageError} PLATFORM_UNKNOWN, BLOB_UNKNOWN, MANIFEST_UNKNOWN (the descriptor is of neither)
 * @throws {OciError} MANIFEST_INVALID
 */
export async function openImage(source: BlobSource, descriptor: Descriptor, options: OpenImageOptions): Promise<Image> {
  let at = descriptor
  for (let depth = 0; depth < deepestIndex; depth++) {
    const content = parseManifestOrIndex(await readDocument(source, at, options), expectDocument(at))
    if (content.kind === 'manifest') return viewImage(source, at, content.manifest, options.codec)
    at = await choose(source, at, content.index, options)
  }
  throw new ImageError('MANIFEST_UNKNOWN', `Cannot open ${descriptor.digest}: indexes nest deeper than ${deepestIndex}`)
}

/**
 * Opens an index or manifest list.
 *
 * @throws {ImageError} BLOB_UNKNOWN
 * @throws {OciError} MANIFEST_INVALID
 */
export async function openIndex(
  source: BlobSource,
  descriptor: Descriptor,
  options: Omit<OpenImageOptions, 'platform'>,
): Promise<ImageIndex> {
  const index = parseIndex(await readDocument(source, descriptor, options))
  return {
    descriptor,
    source,
    index: async () => index,
    image: async (platform) => {
      const chosen = await choose(source, descriptor, index, { ...options, platform })
      return openImage(source, chosen, { ...options, platform })
    },
  }
}

function expectDocument({ mediaType, digest }: Descriptor): string {
  if (isManifestType(mediaType) || isIndexType(mediaType)) return mediaType
  throw new ImageError('MANIFEST_UNKNOWN', `Cannot open ${digest} as an image: its media type is "${mediaType}"`)
}

async function choose(
  source: BlobSource,
  { digest }: Descriptor,
  { manifests }: Index,
  { platform, signal }: OpenImageOptions,
): Promise<Descriptor> {
  if (platform === undefined) {
    throw new ImageError('PLATFORM_UNKNOWN', `Cannot open ${digest}: it is an index, and no platform was asked for`)
  }
  const chosen = selectPlatform(manifests, platform) ?? (await chooseByConfig(source, manifests, platform, signal))
  if (chosen !== undefined) return chosen
  const known = manifests.flatMap((each) => (each.platform === undefined ? [] : [formatPlatform(each.platform)]))
  throw new ImageError(
    'PLATFORM_UNKNOWN',
    `Cannot find ${formatPlatform(platform)} in the index ${digest}: it has ${known.join(', ') || 'no platforms'}`,
  )
}

// Layouts written by other tools list manifests without a platform; the configs know it.
async function chooseByConfig(
  source: BlobSource,
  manifests: readonly Descriptor[],
  platform: Platform,
  signal: AbortSignal | undefined,
): Promise<Descriptor | undefined> {
  const options = signal === undefined ? {} : { signal }
  for (const descriptor of manifests) {
    if (descriptor.platform !== undefined || descriptor.artifactType !== undefined) continue
    if (!isManifestType(descriptor.mediaType)) continue
    const { config } = parseManifest(await readDocument(source, descriptor, options))
    if (matchesPlatform(platform, parseImageConfig(await readDocument(source, config, options)))) return descriptor
  }
  return undefined
}

function viewImage(source: BlobSource, descriptor: Descriptor, manifest: Manifest, codec: Codec): Image {
  let config: Promise<ImageConfig> | undefined
  const view: Image = {
    descriptor,
    configDescriptor: manifest.config,
    source,
    manifest: async () => manifest,
    config: () => (config ??= readDocument(source, manifest.config).then(parseImageConfig)),
    layers: async () => viewLayers(source, manifest, await view.config(), codec),
  }
  return view
}

function viewLayers(source: BlobSource, manifest: Manifest, config: ImageConfig, codec: Codec): readonly Layer[] {
  const diffIds = config.rootfs.diff_ids
  if (diffIds.length !== manifest.layers.length) {
    throw new ImageError(
      'LAYER_INVALID',
      `Cannot read the layers of ${manifest.config.digest}: the manifest has ${manifest.layers.length}, the config ${diffIds.length} diff IDs`,
    )
  }
  return manifest.layers.map((descriptor, at) => viewLayer(source, { descriptor, diffId: diffIds[at]! }, codec))
}

/** A layer whose blob a source has. */
export function viewLayer(source: BlobSource, layer: Pick<Layer, 'descriptor' | 'diffId'>, codec: Codec): Layer {
  const { descriptor, diffId } = layer
  const open = (options: LayerOptions = {}): Promise<BlobReader> => source.open(descriptor, options)
  return {
    descriptor,
    diffId,
    open,
    openTar: async (options = {}) => {
      const reader = await open(options)
      const body = abortable(reader, options.signal)
      const compression = layerCompression(descriptor.mediaType)
      const tar = compression === 'none' ? body : codec.decompress(compression, body)
      return digestIsDiffId(layer) ? tar : verifiedTar(tar, diffId, codec)
    },
  }
}

// The source has verified the bytes by the blob's digest then.
function digestIsDiffId({ descriptor, diffId }: Pick<Layer, 'descriptor' | 'diffId'>): boolean {
  return descriptor.digest === diffId && layerCompression(descriptor.mediaType) === 'none'
}
