import { chainIds } from '@gantry/image'
import type { Digest } from '@gantry/oci'
import type { ImageDetails } from './image-details.ts'
import { imageUsers } from './image-usage.ts'
import type { ImageWorld } from './images.ts'
import { remakeableChains } from './stored-twice.ts'

/** What an image takes on the disk: its blobs, and its layers as they are unpacked. */
export interface ImageUsage {
  readonly image: ImageDetails
  /** Bytes that other images need too. */
  readonly shared: number
  /** Bytes that would be free without it. */
  readonly unique: number
  /** How many containers were made from it, and how many of them run. */
  readonly containers: number
  readonly running: number
}

/** What the content of a root takes on the disk. */
export interface ContentUsage {
  readonly images: readonly ImageUsage[]
  /** Bytes of everything that images need, each once. */
  readonly imageBytes: number
  /** Of those, what no container needs. */
  readonly reclaimable: number
  /** Bytes of all blobs, and how many there are. */
  readonly blobs: { readonly count: number; readonly bytes: number }
  /** The same of unpacked layers. */
  readonly layers: { readonly count: number; readonly bytes: number }
  /** Of those, what is stored twice, for its blobs are here as well; `reclaimable` is of images that no container was made from. */
  readonly twice: { readonly count: number; readonly bytes: number; readonly reclaimable: number }
  /** What belongs to no image: content of the registry's repositories, artifacts, layers of earlier builds, what nothing leads to. */
  readonly other: { readonly count: number; readonly bytes: number; readonly reclaimable: number }
}

/** Adds up what is on the disk. What several images share counts once in the sums. */
export async function contentUsage(world: ImageWorld, signal?: AbortSignal): Promise<ContentUsage> {
  const { store, snapshots, state, codec } = world
  const sizes = new Map<string, number>()
  const blobs = { count: 0, bytes: 0 }
  for await (const { digest, size } of store.blobs()) {
    signal?.throwIfAborted()
    sizes.set(digest, size)
    blobs.count++
    blobs.bytes += size
  }
  const layers = { count: 0, bytes: 0 }
  for (const { chain, bytes } of snapshots.list().layers) {
    sizes.set(unpacked(chain), bytes)
    layers.count++
    layers.bytes += bytes
  }
  const users = new Map<string, number>()
  const kept = new Set<string>()
  const twice = new Set<string>()
  const found = []
  for (const image of await world.catalog.list()) {
    signal?.throwIfAborted()
    const chains = await chainIds(image.config.rootfs.diff_ids, codec)
    const parts = [...(await store.reachable(image.root)), ...chains.map(unpacked)].filter((part) => sizes.has(part))
    const containers = imageUsers(state, image.id)
    for (const part of parts) {
      users.set(part, (users.get(part) ?? 0) + 1)
      if (containers.length > 0) kept.add(part)
    }
    for (const chain of await remakeableChains(world, image)) twice.add(unpacked(chain))
    found.push({ image, parts, containers })
  }
  const sum = (parts: Iterable<string>): number => [...parts].reduce((total, part) => total + (sizes.get(part) ?? 0), 0)
  const imageBytes = sum(users.keys())
  const otherParts = [...sizes.keys()].filter((part) => !users.has(part))
  return {
    images: found.map(({ image, parts, containers }) => ({
      image,
      shared: sum(parts.filter((part) => (users.get(part) ?? 0) > 1)),
      unique: sum(parts.filter((part) => users.get(part) === 1)),
      containers: containers.length,
      running: containers.filter(({ running }) => running).length,
    })),
    imageBytes,
    reclaimable: imageBytes - sum(kept),
    blobs,
    layers,
    twice: {
      count: [...twice].filter((part) => sizes.has(part)).length,
      bytes: sum(twice),
      reclaimable: sum([...twice].filter((part) => !kept.has(part))),
    },
    other: {
      count: otherParts.length,
      bytes: sum(otherParts),
      reclaimable: (await store.gc({ dryRun: true, grace: 0, ...(signal === undefined ? {} : { signal }) })).bytes,
    },
  }
}

function unpacked(chain: Digest): string {
  return `unpacked ${chain}`
}
