import { layerCompression } from '@gantry/oci'
import type { Codec } from './codec.ts'
import { ImageError } from './errors.ts'
import type { Image, Layer } from './image.ts'
import { readDocument } from './read-document.ts'
import { verified } from './verified.ts'

/** How an image is validated. */
export interface ValidateOptions {
  readonly codec: Codec
  readonly signal?: AbortSignal
}

/**
 * Reads a whole image and answers everything that is wrong with it: blobs that are missing or not their descriptors',
 * documents that cannot be read, layers whose tar is not the diff ID's, a history of other layers. Nothing wrong is an
 * empty list. Rejects only with the signal's reason: whatever a source throws is a problem of the image.
 */
export async function validateImage(image: Image, options: ValidateOptions): Promise<readonly Error[]> {
  const problems: Error[] = []
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      options.signal?.throwIfAborted()
      problems.push(error instanceof Error ? error : new Error(String(error)))
      return undefined
    }
  }
  await attempt(() => readDocument(image.source, image.descriptor, options))
  const layers = await attempt(() => image.layers())
  for (const layer of layers ?? []) {
    await attempt(() => drainBlob(layer, options))
    await attempt(() => drainTar(layer, options))
  }
  if (layers !== undefined) await attempt(() => checkHistory(image, layers.length))
  return problems
}

async function drainBlob(layer: Layer, options: ValidateOptions): Promise<void> {
  await using reader = await layer.open(options)
  for await (const chunk of verified(reader, layer.descriptor, options.codec)) void chunk
}

async function drainTar(layer: Layer, options: ValidateOptions): Promise<void> {
  const { descriptor, diffId } = layer
  // The blob has been read then, and is the tar.
  if (layerCompression(descriptor.mediaType) === 'none' && descriptor.digest === diffId) return
  for await (const chunk of await layer.openTar(options)) void chunk
}

async function checkHistory(image: Image, layers: number): Promise<void> {
  const { history } = await image.config()
  const filled = history?.filter((entry) => entry.empty_layer !== true).length ?? 0
  if (filled === 0 || filled === layers) return
  const { digest } = image.configDescriptor
  throw new ImageError('LAYER_INVALID', `The history of ${digest} tells of ${filled} layers, the manifest of ${layers}`)
}
