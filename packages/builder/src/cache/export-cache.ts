import { assembleArtifact, type ArtifactBlob, type BlobSource, copy } from '@gantry/image'
import { type Descriptor, type Digest, MediaType } from '@gantry/oci'
import { directoryTar } from '@gantry/snapshot'
import { compressedView } from '@gantry/store'
import type { BuilderPorts } from '../ports.ts'
import { CacheMounts } from './cache-mounts.ts'
import {
  cacheArtifactType,
  cacheIndexType,
  encodeCacheIndex,
  type PortableMount,
  type PortableStep,
} from './portable-cache.ts'
import type { UsedStep } from './step-cache.ts'

/** A place that a build's cache is written to. */
export interface CacheTarget {
  /** For messages. */
  readonly label: string
  /** `min`: steps whose layers are in the image. `max`, the default: all steps of the build. */
  readonly mode?: 'min' | 'max'
  /** Cache mounts that go along, by id; `all`: those that the build may have used. Default: none. */
  readonly mounts?: 'all' | readonly string[]
  /** Writes the artifact, which leads to everything else. What was there before is replaced. */
  write(artifact: { readonly descriptor: Descriptor; readonly source: BlobSource }): Promise<void>
}

/** What is exported. */
export interface CacheContent {
  readonly steps: readonly UsedStep[]
  /** Layers of the image. */
  readonly imageLayers: ReadonlySet<Digest>
  /** The ids of cache mounts that the build has. */
  readonly mounts: ReadonlySet<string>
  readonly namespace: string
  readonly signal: AbortSignal
  /** Told when the files of a mount could not be read, which leaves it out. */
  readonly onProblem: (message: string) => void
}

/** Writes the cache of a build to a place. Hold a `new` lease while it does. */
export async function exportCache(
  target: CacheTarget,
  content: CacheContent,
  ports: Pick<BuilderPorts, 'store' | 'codec' | 'site'>,
): Promise<void> {
  const { store, codec } = ports
  const { signal } = content
  const blobs: ArtifactBlob[] = []
  const positions = new Map<Digest, number>()
  // The first of the manifest's layers is the index.
  const put = (layer: Descriptor): number => {
    const known = positions.get(layer.digest)
    if (known !== undefined) return known
    blobs.push({ descriptor: layer, source: store })
    positions.set(layer.digest, blobs.length)
    return blobs.length
  }
  const steps: PortableStep[] = []
  for (const { key, layer, instruction, network } of content.steps) {
    if (target.mode === 'min' && !content.imageLayers.has(layer.digest)) continue
    const reached = network === undefined ? {} : { network }
    steps.push({ key, layer: put(layer), diffId: layer.digest, instruction, ...reached })
  }
  const mounts: PortableMount[] = []
  for (const { id, namespace, layer } of await mountLayers(target, content, ports)) {
    mounts.push({ id, namespace, layer: put(layer), diffId: layer.digest })
  }
  const index = { bytes: encodeCacheIndex({ steps, mounts }), mediaType: cacheIndexType }
  const artifact = await assembleArtifact({ artifactType: cacheArtifactType, blobs: [index, ...blobs] }, codec)
  await copy(artifact.source, store, artifact.descriptor, { signal })
  await target.write(await compressedView({ store, codec }, artifact.descriptor, { signal }))
}

interface MountLayer {
  readonly id: string
  readonly namespace: string
  readonly layer: Descriptor
}

async function mountLayers(
  { mounts: wanted = [] }: CacheTarget,
  { mounts, namespace, signal, onProblem }: CacheContent,
  { store, site }: Pick<BuilderPorts, 'store' | 'site'>,
): Promise<readonly MountLayer[]> {
  const ids = new Set(wanted === 'all' ? mounts : wanted)
  // Of several directories of one id, the one that was used last.
  const directories = new Map(
    new CacheMounts(site.root)
      .list()
      .filter((each) => each.namespace === namespace && ids.has(each.id))
      .map((each) => [each.id, each]),
  )
  const layers: MountLayer[] = []
  for (const [id, { path }] of [...directories].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    try {
      const layer = await store.ingest(directoryTar(path), { mediaType: MediaType.layerTar, signal })
      layers.push({ id, namespace, layer })
    } catch (error) {
      signal.throwIfAborted()
      onProblem(`the cache mount "${id}" is left out: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return layers
}
