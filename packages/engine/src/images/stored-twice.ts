import { chainIds } from '@gantry/image'
import type { Digest } from '@gantry/oci'
import type { ImageDetails } from './image-details.ts'
import type { ImageWorld } from './images.ts'

/**
 * The chains of an image's layers that can be unpacked again at any time, lowest first: their blobs and those of all layers below are
 * in the store.
 */
export async function remakeableChains(
  { store, codec }: Pick<ImageWorld, 'store' | 'codec'>,
  { manifest, config }: Pick<ImageDetails, 'manifest' | 'config'>,
): Promise<readonly Digest[]> {
  const chains = await chainIds(config.rootfs.diff_ids, codec)
  const missing = manifest.layers.findIndex(({ digest }) => store.size(digest) === undefined)
  return missing === -1 ? chains : chains.slice(0, missing)
}

/** Which unpacked layers are taken away. */
export interface DropUnpackedOptions {
  /** Only those that nobody has asked for within so many milliseconds. Default: a minute, so that a start that is under way finds its own. */
  readonly unusedFor?: number
  readonly signal?: AbortSignal
}

/**
 * Removes the unpacked copies of layers whose blobs are here, of images that no container was made from: they are unpacked again when a
 * container or a build needs them. What a container stands on stays.
 */
export async function dropUnpacked(
  world: ImageWorld,
  { unusedFor = 60_000, signal }: DropUnpackedOptions = {},
): Promise<{ readonly count: number; readonly bytes: number }> {
  const chains = new Set<Digest>()
  for (const image of await world.catalog.list()) {
    signal?.throwIfAborted()
    for (const chain of await remakeableChains(world, image)) chains.add(chain)
  }
  const { removed, bytes } = await world.snapshots.gc({ only: [...chains], grace: unusedFor })
  return { count: removed.length, bytes }
}
