import type { ContentDiskUsage } from '@gantry/client'
import type { Images } from '@gantry/engine'
import { summary } from './images-api.ts'

/** What images and other content take on the disk, in Docker's types and Gantry's own. */
export async function diskUsage(images: Images): Promise<ContentDiskUsage> {
  const { imageBytes, images: list, reclaimable, blobs, layers, twice, other } = await images.usage()
  return {
    LayersSize: imageBytes,
    Images: list.map(({ image, shared, unique, containers }) => ({
      ...summary(image),
      Size: shared + unique,
      SharedSize: shared,
      Containers: containers,
    })),
    Reclaimable: reclaimable,
    Blobs: { Count: blobs.count, Size: blobs.bytes },
    UnpackedLayers: { Count: layers.count, Size: layers.bytes },
    StoredTwice: { Count: twice.count, Size: twice.bytes, Reclaimable: twice.reclaimable },
    Other: { Count: other.count, Size: other.bytes, Reclaimable: other.reclaimable },
  }
}
