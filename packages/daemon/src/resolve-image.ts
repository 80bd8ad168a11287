import type { BuilderPorts } from '@gantry/builder'
import type { Images, RegistryCredentials } from '@gantry/engine'
import { openImage } from '@gantry/image'
import { type Descriptor, formatPlatform, formatReference, matchesPlatform, type Platform } from '@gantry/oci'
import type { Store } from '@gantry/store'
import type { NodeCodec } from '@gantry/codec'

/** Where images are looked for. */
export interface ResolveImageParts {
  readonly store: Store
  readonly codec: NodeCodec
  readonly content: Pick<Images, 'pull'>
}

/** Who a build is to a registry; undefined where this user's own credentials count. */
export type CredentialsOf = (registry: string) => RegistryCredentials | undefined

/**
 * Finds images for builds: those that are here for the platform, else those of their registry. Of an index only the platforms
 * that were asked for are here, so one that was pulled may have to be pulled again. Names under localhost/ are this root's own.
 */
export function imageResolver(
  parts: ResolveImageParts,
  credentialsOf: CredentialsOf = () => undefined,
): BuilderPorts['resolveImage'] {
  const { store, content } = parts
  return async (reference, { platform, pull, signal, onProgress }) => {
    const name = formatReference(reference)
    const here = await store.resolve(reference.digest ?? name)
    if (reference.registry === 'localhost') return here
    const state = here === undefined ? 'missing' : await stateFor(parts, here, platform)
    if (state === 'whole' && !pull) return here
    let bytes = 0
    const credentials = credentialsOf(reference.registry)
    const options = {
      signal,
      platform: formatPlatform(platform),
      anyPlatform: true,
      ...(credentials && { credentials }),
    }
    try {
      for await (const event of content.pull(name, options)) {
        if (event.kind === 'blob' && event.state === 'done') onProgress((bytes += event.descriptor.size), undefined)
      }
    } catch (error) {
      // An image for another platform will do where nothing else is to be had: the build warns of it.
      if (pull || state !== 'other' || signal.aborted) throw error
      return here
    }
    return store.resolve(reference.digest ?? name)
  }
}

/** Whether what a name stands for here is the image for a platform, an image for another one, or has none for it. */
async function stateFor(
  { store, codec }: Pick<ResolveImageParts, 'store' | 'codec'>,
  here: Descriptor,
  platform: Platform,
): Promise<'whole' | 'other' | 'missing'> {
  try {
    const image = await openImage(store, here, { codec, platform })
    return matchesPlatform(platform, await image.config()) ? 'whole' : 'other'
  } catch {
    return 'missing'
  }
}
