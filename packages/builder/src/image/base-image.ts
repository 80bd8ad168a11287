import { openImage } from '@gantry/image'
import {
  type Descriptor,
  formatPlatform,
  type ImageConfig,
  OciError,
  parseReference,
  type Platform,
  type Reference,
} from '@gantry/oci'
import { BuildError } from '../build-error.ts'
import type { BuilderPorts } from '../ports.ts'
import { importLayout } from './import-layout.ts'
import { type LayerStack, pushLayer } from './layer-stack.ts'

/** An image that a build stands on or copies from. */
export interface BaseImage {
  /** Of the manifest for the platform. */
  readonly descriptor: Descriptor
  readonly config: ImageConfig
  readonly stack: LayerStack
}

/** How a base image is found. */
export interface BaseImageOptions {
  readonly platform: Platform
  readonly pull: boolean
  readonly signal: AbortSignal
  readonly onProgress: (bytes: number, total: number | undefined) => void
}

/** Finds an image by its name and reads its manifest and config. @throws BuildError BASE_UNKNOWN */
export async function findBaseImage(name: string, ports: BuilderPorts, options: BaseImageOptions): Promise<BaseImage> {
  const found = name.startsWith('oci-layout://')
    ? await importLayout(name, ports, options)
    : await ports.resolveImage(referenceOf(name), options)
  if (found === undefined) {
    throw new BuildError('BASE_UNKNOWN', `Cannot find the image "${name}" for ${formatPlatform(options.platform)}`, {
      hint: name.startsWith('localhost/') ? 'make it first, for example with "gantry base build"' : undefined,
    })
  }
  const { store, codec } = ports
  const image = await openImage(store, found, { codec, platform: options.platform, signal: options.signal })
  const config = await image.config()
  let stack: LayerStack = []
  for (const { descriptor, diffId } of await image.layers())
    stack = pushLayer(stack, { descriptor, diffId, made: false })
  return { descriptor: image.descriptor, config, stack }
}

function referenceOf(name: string): Reference {
  try {
    return parseReference(name)
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    throw new BuildError('BASE_UNKNOWN', `Cannot read "${name}" as the name of an image: ${error.message}`, {
      cause: error,
    })
  }
}
