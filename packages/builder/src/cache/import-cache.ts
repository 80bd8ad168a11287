import { type BlobSource, collect, openImage, readDocument } from '@gantry/image'
import {
  type Descriptor,
  type Digest,
  isIndexType,
  isManifestType,
  layerCompression,
  MediaType,
  type Manifest,
  parseManifestOrIndex,
} from '@gantry/oci'
import type { NetworkUse } from '../egress/network-use.ts'
import type { BuilderPorts } from '../ports.ts'
import {
  cacheArtifactType,
  cacheIndexType,
  type CacheIndex,
  inlineAnnotation,
  parseCacheIndex,
  parseInline,
} from './portable-cache.ts'
import type { StepImport } from './step-cache.ts'

/** A place that has a cache, or an image with its own. */
export interface CacheSource {
  /** For messages. */
  readonly label: string
  /** Finds it; undefined when there is nothing. */
  open(): Promise<{ readonly descriptor: Descriptor; readonly blobs: BlobSource } | undefined>
}

/** How a cache is imported. */
export interface ImportCacheOptions {
  readonly signal: AbortSignal
  /** Told what cannot be used. A cache never ends a build. */
  readonly onProblem: (message: string) => void
}

/** A layer that a cache has. */
interface KnownLayer {
  readonly descriptor: Descriptor
  readonly diffId: Digest
  readonly instruction: string
  readonly network?: readonly NetworkUse[]
}

/** What was read of a cache: its layers stay where they are until they are needed. */
interface KnownCache {
  readonly blobs: BlobSource
  readonly steps: ReadonlyMap<string, KnownLayer>
  /** By namespace and id. */
  readonly mounts: ReadonlyMap<string, KnownLayer>
}

const largestIndex = 64 << 20

/** A cache of another place, read when it is first asked. What it gives is held to its digests; who wrote it is believed. */
export function importCache(
  source: CacheSource,
  ports: Pick<BuilderPorts, 'store' | 'codec'>,
  { signal, onProblem }: ImportCacheOptions,
): StepImport {
  const { label } = source
  let known: Promise<KnownCache | undefined> | undefined
  const open = (): Promise<KnownCache | undefined> => {
    known ??= attempt(`cannot use the cache ${label}`, async () => {
      const found = await source.open()
      if (found !== undefined) return readCache(found, ports, signal)
      onProblem(`there is no cache at ${label}`)
      return undefined
    })
    return known
  }
  const attempt = async <Result>(
    what: string,
    work: () => Promise<Result | undefined>,
  ): Promise<Result | undefined> => {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      onProblem(`${what}: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  }
  return {
    label,
    async fetch(key) {
      const cache = await open()
      const found = cache?.steps.get(key)
      if (cache === undefined || found === undefined) return undefined
      return attempt(`cannot take a layer from the cache ${label}`, async () => {
        const layer = await takeLayer(found, cache.blobs, ports, signal)
        const { instruction, network } = found
        return { layer, instruction, ...(network === undefined ? {} : { network }) }
      })
    },
    async openMount(id, namespace) {
      const cache = await open()
      const found = cache?.mounts.get(mountKey(namespace, id))
      if (cache === undefined || found === undefined) return undefined
      return attempt(`cannot take the cache mount "${id}" from the cache ${label}`, async () => {
        const layer = await takeLayer(found, cache.blobs, ports, signal)
        return ports.store.open(layer, { signal })
      })
    },
  }
}

function mountKey(namespace: string, id: string): string {
  return JSON.stringify([namespace, id])
}

/** Fetches a layer into the store, uncompressed, and checks that it is the one that was promised. */
async function takeLayer(
  { descriptor, diffId }: KnownLayer,
  blobs: BlobSource,
  { store, codec }: Pick<BuilderPorts, 'store' | 'codec'>,
  signal: AbortSignal,
): Promise<Descriptor> {
  const size = store.touch(diffId)
  if (size !== undefined) return { mediaType: MediaType.layerTar, digest: diffId, size }
  await using body = await blobs.open(descriptor, { signal })
  const compression = layerCompression(descriptor.mediaType)
  const tar = compression === 'none' || compression === undefined ? body : codec.decompress(compression, body)
  const layer = await store.ingest(tar, { mediaType: MediaType.layerTar, signal })
  if (layer.digest === diffId) return layer
  throw new Error(`the layer is ${layer.digest}, not ${diffId}`)
}

async function readCache(
  { descriptor, blobs }: { readonly descriptor: Descriptor; readonly blobs: BlobSource },
  ports: Pick<BuilderPorts, 'codec'>,
  signal: AbortSignal,
): Promise<KnownCache> {
  const steps = new Map<string, KnownLayer>()
  const mounts = new Map<string, KnownLayer>()
  const content = parseManifestOrIndex(await readDocument(blobs, descriptor, { signal }), descriptor.mediaType)
  if (content.kind === 'index') {
    for (const child of content.index.manifests) {
      if (!isManifestType(child.mediaType) && !isIndexType(child.mediaType)) continue
      const inner = await readCache({ descriptor: child, blobs }, ports, signal)
      for (const [key, layer] of inner.steps) steps.set(key, layer)
    }
    return { blobs, steps, mounts }
  }
  const { manifest } = content
  const [first] = manifest.layers
  if (manifest.artifactType === cacheArtifactType && first?.mediaType === cacheIndexType) {
    const index = await readIndex(blobs, first, signal)
    for (const { key, ...step } of index?.steps ?? []) put(steps, key, manifest, step)
    for (const { id, namespace, ...place } of index?.mounts ?? []) {
      put(mounts, mountKey(namespace, id), manifest, { ...place, instruction: '' })
    }
    return { blobs, steps, mounts }
  }
  const inline = parseInline(manifest.annotations?.[inlineAnnotation] ?? '')
  if (inline.length > 0) {
    const image = await openImage(blobs, descriptor, { codec: ports.codec, signal })
    const { rootfs, history = [] } = await image.config()
    const made = history.filter((entry) => entry.empty_layer !== true)
    for (const { key, layer, ...reached } of inline) {
      const diffId = rootfs.diff_ids[layer]
      const instruction = made.length === rootfs.diff_ids.length ? (made[layer]?.created_by ?? '') : ''
      if (diffId !== undefined) put(steps, key, manifest, { layer, diffId, instruction, ...reached })
    }
  }
  return { blobs, steps, mounts }
}

async function readIndex(
  blobs: BlobSource,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<CacheIndex | undefined> {
  if (descriptor.size > largestIndex) throw new Error(`its index has ${descriptor.size} bytes`)
  await using body = await blobs.open(descriptor, { signal })
  const bytes = await collect(body, largestIndex)
  return bytes === undefined ? undefined : parseCacheIndex(bytes)
}

function put(
  into: Map<string, KnownLayer>,
  key: string,
  { layers }: Manifest,
  { layer, ...known }: { readonly layer: number } & Omit<KnownLayer, 'descriptor'>,
): void {
  const descriptor = layers[layer]
  if (descriptor !== undefined) into.set(key, { descriptor, ...known })
}
