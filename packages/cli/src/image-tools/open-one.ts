import { openImage, type Image } from '@gantry/image'
import { isIndexType, parsePlatform } from '@gantry/oci'
import type { Context } from '../context.ts'
import type { ImageSource } from '../transports/image-source.ts'
import { openSource } from '../transports/open-source.ts'
import { codecOf, platformOfHost } from '../transports/transport-parts.ts'

/** One image that was named on the command line, open. */
export interface OpenedImage extends AsyncDisposable {
  readonly source: ImageSource
  readonly image: Image
}

/** Opens the image that a text names; of several platforms the one asked for, or this machine's. */
export async function openOne(context: Context, text: string, platform: string | undefined): Promise<OpenedImage> {
  const source = await openSource(context, text)
  try {
    const wanted = platform === undefined ? platformOfHost() : parsePlatform(platform)
    const { descriptor, blobs } = source
    const image = await openImage(blobs, descriptor, {
      codec: codecOf(context),
      signal: context.signal,
      ...(isIndexType(descriptor.mediaType) ? { platform: wanted } : {}),
    })
    return { source, image, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() }
  } catch (error) {
    await source[Symbol.asyncDispose]()
    throw error
  }
}
