import { assembleIndex, copy } from '@gantry/image'
import type { Descriptor, Platform } from '@gantry/oci'
import type { BuilderPorts } from '../ports.ts'

/** Writes an index of images, one for each platform, into the store. What has no platform here is listed as it is, such as attestations. */
export async function writeIndex(
  images: readonly { readonly descriptor: Descriptor }[],
  platforms: readonly Platform[],
  { store, codec }: Pick<BuilderPorts, 'store' | 'codec'>,
  annotations: Readonly<Record<string, string>>,
): Promise<Descriptor> {
  const manifests = images.map(({ descriptor }, index) => {
    const platform = platforms[index]
    return platform === undefined ? descriptor : { ...descriptor, platform }
  })
  const hasAnnotations = Object.keys(annotations).length > 0
  const parts = { manifests, ...(hasAnnotations ? { annotations } : {}) }
  const index = await assembleIndex(parts, { source: store, codec })
  await copy(index.source, store, index.descriptor)
  return index.descriptor
}
