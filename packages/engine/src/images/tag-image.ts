import { formatReference, parseReference } from '@gantry/oci'
import { EngineError } from '../engine-error.ts'
import type { ImageWorld } from './images.ts'

/** Gives an image a further name. @throws EngineError IMAGE_UNKNOWN; OciError REFERENCE_INVALID */
export async function tagImage({ store, catalog }: ImageWorld, source: string, target: string): Promise<void> {
  const { image } = await catalog.find(source)
  const reference = parseReference(target)
  if (reference.digest !== undefined)
    throw new EngineError('SPEC_INVALID', `refusing to create a tag with a digest reference: "${target}"`)
  const name = formatReference(reference)
  await store.tag(name, image.root)
  store.record({ kind: 'tag', name, digest: image.id })
  await store.flush()
}
