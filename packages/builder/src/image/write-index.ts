import { assembleIndex, copy } from '@gantry/image'
import type { Descriptor, Platform } from '@gantry/oci'
import type { BuilderPorts } from '../ports.ts'

/** Writes an index of images, one for each platform, into the store. */
export async function writeIndex(
  images: readonly { readonly descriptor: Descriptor }[],
  platforms: readonly Platform[],
  { store, codec }: Pick<BuilderPorts, 'store' | 'codec'>,
  annotations: Readonly<Record<string, string>>,
): Promise<Descriptor> {
  const manifests = images.map(({ descriptor }, index) => ({ ...descriptor, platform: platforms[index]! }))
  const hasAnnotations = Object.keys(annotations).length > 0
  const parts = { manifests, ...(hasAnnotations ? { annotations } : {}) }
  const index = await assembleIndex(parts, { source: store, codec })
  await copy(index.source, store, index.descriptor)
  return index.descriptor
}
