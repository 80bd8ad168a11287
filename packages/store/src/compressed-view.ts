import { digestOf } from '@gantry/codec'
import { readDocument, readerOf } from '@gantry/image'
import type { BlobReader, BlobSource, Codec, OpenOptions } from '@gantry/image'
import {
  encodeJson,
  isIndexType,
  isLayerType,
  isManifestType,
  layerCompression,
  MediaType,
  parseManifestOrIndex,
} from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import type { CompressionKind } from './compressed.ts'
import { StoreError } from './store-error.ts'
import type { Store } from './store.ts'

/** How an image is compressed. */
export interface CompressedViewOptions {
  /** Default: gzip, which every registry and engine takes. */
  readonly kind?: CompressionKind
  readonly signal?: AbortSignal
  /** Called as a layer that was not remembered is compressed. */
  readonly onLayer?: (layer: Descriptor, state: 'compressing' | 'compressed') => void
}

/** An image as it is pushed to other registries. */
export interface CompressedView {
  /** Of the manifest or index with compressed layers: the one given, when all of them are already. */
  readonly descriptor: Descriptor
  /** Opens everything that the descriptor leads to. */
  readonly source: BlobSource
}

/**
 * Shows an image or index with its uncompressed layers compressed: what a push sends. Each layer is compressed once, into the
 * store, and remembered by its diff ID; the config, and with it the image ID, stays. Hold a `new` lease while it is in use.
 *
 * A remembered layer whose blob was collected meanwhile is made again only when it is opened: the other side may have it.
 */
export async function compressedView(
  { store, codec }: { readonly store: Store; readonly codec: Codec },
  descriptor: Descriptor,
  options: CompressedViewOptions = {},
): Promise<CompressedView> {
  const view = new View(store, codec, options)
  return { descriptor: await view.convert(descriptor), source: view }
}

class View implements BlobSource {
  readonly #store: Store
  readonly #codec: Codec
  readonly #options: CompressedViewOptions
  readonly #kind: CompressionKind
  readonly #documents = new Map<Digest, Uint8Array>()
  /** From the compressed layer to the layer it is made of. */
  readonly #layers = new Map<Digest, Descriptor>()

  constructor(store: Store, codec: Codec, options: CompressedViewOptions) {
    this.#store = store
    this.#codec = codec
    this.#options = options
    this.#kind = options.kind ?? 'gzip'
  }

  async open(descriptor: Descriptor, options: OpenOptions = {}): Promise<BlobReader> {
    const document = this.#documents.get(descriptor.digest)
    if (document !== undefined && options.range === undefined) return readerOf(document, options.signal)
    const layer = this.#layers.get(descriptor.digest)
    if (layer !== undefined && !(await this.#store.has(descriptor))) {
      const made = await this.#compress(layer)
      if (made.digest !== descriptor.digest) throw changed(layer, descriptor)
    }
    return this.#store.open(descriptor, options)
  }

  async convert(descriptor: Descriptor): Promise<Descriptor> {
    const { mediaType } = descriptor
    if (!isManifestType(mediaType) && !isIndexType(mediaType)) return descriptor
    const { signal } = this.#options
    const bytes = await readDocument(this.#store, descriptor, signal === undefined ? {} : { signal })
    const content = parseManifestOrIndex(bytes, mediaType)
    if (content.kind === 'manifest') {
      const layers = await inOrder(content.manifest.layers, (layer) => this.#convertLayer(layer))
      return this.#replace(descriptor, content.manifest.layers, layers, { ...content.manifest, layers })
    }
    // An index may list manifests that are not here: they stay as they are.
    const manifests = await inOrder(content.index.manifests, async (child) =>
      this.#store.size(child.digest) === undefined ? child : this.convert(child),
    )
    return this.#replace(descriptor, content.index.manifests, manifests, { ...content.index, manifests })
  }

  #replace(
    descriptor: Descriptor,
    before: readonly Descriptor[],
    after: readonly Descriptor[],
    document: unknown,
  ): Descriptor {
    if (before.every((each, index) => each === after[index])) return descriptor
    const bytes = encodeJson(document)
    const digest = digestOf(bytes)
    this.#documents.set(digest, bytes)
    return { ...descriptor, digest, size: bytes.length }
  }

  async #convertLayer(layer: Descriptor): Promise<Descriptor> {
    if (!isLayerType(layer.mediaType) || layerCompression(layer.mediaType) !== 'none') return layer
    if (layer.urls !== undefined && this.#store.size(layer.digest) === undefined) return layer
    const made = this.#store.compressedOf(layer.digest, this.#kind) ?? (await this.#compress(layer))
    this.#layers.set(made.digest, layer)
    return { ...layer, mediaType: compressedType(layer.mediaType, this.#kind), digest: made.digest, size: made.size }
  }

  async #compress(layer: Descriptor): Promise<Descriptor> {
    const { signal, onLayer } = this.#options
    const withSignal = signal === undefined ? {} : { signal }
    onLayer?.(layer, 'compressing')
    await using tar = await this.#store.open(layer, withSignal)
    const mediaType = compressedType(layer.mediaType, this.#kind)
    const made = await this.#store.ingest(this.#codec.compress(this.#kind, tar), { mediaType, ...withSignal })
    this.#store.rememberCompressed(layer.digest, made)
    onLayer?.(layer, 'compressed')
    return made
  }
}

function compressedType(mediaType: string, kind: CompressionKind): string {
  if (mediaType === MediaType.dockerLayerTar) {
    return kind === 'gzip' ? MediaType.dockerLayerGzip : MediaType.dockerLayerZstd
  }
  return `${mediaType}+${kind}`
}

/** One after the other: each layer already takes all cores. */
async function inOrder<T>(items: readonly T[], work: (item: T) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (const item of items) results.push(await work(item))
  return results
}

function changed(layer: Descriptor, expected: Descriptor): StoreError {
  return new StoreError(
    'COMPRESSION_CHANGED',
    `Cannot compress ${layer.digest} again: the result is no longer ${expected.digest}; push again to use the new one`,
  )
}
