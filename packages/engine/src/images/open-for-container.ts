import { openImage } from '@gantry/image'
import type { Digest } from '@gantry/oci'
import type { LocalImage } from './image-lookup.ts'
import type { ImageWorld } from './images.ts'

/** Opens an image to be run from: its layers are unpacked if they are not yet. */
export async function openForContainer(
  world: ImageWorld,
  reference: string,
  { platform, signal }: { platform?: string; signal?: AbortSignal } = {},
): Promise<LocalImage> {
  const { catalog, snapshots, store, codec } = world
  const named = await catalog.resolve(reference)
  const root = named?.descriptor ?? (await catalog.find(reference)).image.root
  const { id, descriptor, config } = await catalog.documents(root, platform)
  const known = chains.get(id)
  if (known !== undefined && snapshots.has(known)) return { id, descriptor, config, chain: known }
  const image = await openImage(store, descriptor, { codec })
  const chain = await snapshots.unpack(image, signal === undefined ? {} : { signal })
  if (chain !== undefined) chains.set(id, chain)
  return { id, descriptor, config, chain }
}

/** Chain IDs by image ID: a pure function of it, worth remembering. */
const chains = new Map<Digest, Digest>()
