import { chainIds } from '@gantry/image'
import type { Digest } from '@gantry/oci'
import type { ImageDetails, ImageRemoval } from './image-details.ts'
import { imageUsers } from './image-usage.ts'
import type { ImageWorld } from './images.ts'
import { removeImages } from './remove-image.ts'

/** What is pruned. */
export interface PruneImagesOptions {
  /** Images with names too, that no container was made from. By default only what no name leads to. */
  readonly all?: boolean
  /** Only images that this says yes to. */
  readonly filter?: (image: ImageDetails) => boolean
}

/** What was removed, and how many bytes of blobs and unpacked layers are free now. */
export interface PrunedImages {
  readonly removals: readonly ImageRemoval[]
  readonly bytes: number
}

/** What somebody may be about to give a name to stays, in milliseconds. */
const graceOfUnnamed = 10_000

/**
 * Removes images that nobody uses, and content that nothing leads to. An image that a container was made from stays, as does what
 * registries, leases and other images need.
 */
export async function pruneImages(
  world: ImageWorld,
  { all = false, filter = () => true }: PruneImagesOptions = {},
): Promise<PrunedImages> {
  const { store, state, snapshots } = world
  const before = await bytesOf(world)
  const unused = (await world.catalog.list()).filter(
    (image) => (all || image.names.length === 0) && imageUsers(state, image.id).length === 0 && filter(image),
  )
  const removals = await removeImages(world, unused)
  await store.gc({ grace: graceOfUnnamed })
  const needed = await neededChains(world)
  const unneeded = snapshots.list().layers.filter(({ chain }) => !needed.has(chain))
  await snapshots.gc({ only: unneeded.map(({ chain }) => chain), grace: graceOfUnnamed })
  await store.flush()
  return { removals, bytes: Math.max(0, before - (await bytesOf(world))) }
}

async function neededChains({ catalog, codec }: ImageWorld): Promise<ReadonlySet<Digest>> {
  const needed = new Set<Digest>()
  for (const { config } of await catalog.list()) {
    for (const chain of await chainIds(config.rootfs.diff_ids, codec)) needed.add(chain)
  }
  return needed
}

async function bytesOf({ store, snapshots }: ImageWorld): Promise<number> {
  let bytes = snapshots.list().layers.reduce((sum, layer) => sum + layer.bytes, 0)
  for await (const blob of store.blobs()) bytes += blob.size
  return bytes
}
