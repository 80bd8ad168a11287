import { limits, type Descriptor } from '@gantry/oci'
import type { BlobSource } from './blob.ts'
import { collect } from './bytes.ts'
import { ImageError } from './errors.ts'

/**
 * Reads a manifest, index or config as a whole, at most 4 MiB of it.
 *
 * @throws {ImageError} SIZE_MISMATCH for a larger one, and what the source throws
 */
export async function readDocument(
  source: BlobSource,
  descriptor: Descriptor,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Uint8Array> {
  const { digest, size } = descriptor
  if (size > limits.documentBytes) {
    throw new ImageError(
      'SIZE_MISMATCH',
      `Cannot read ${digest}: a document of ${size} bytes is larger than ${limits.documentBytes}`,
    )
  }
  await using reader = await source.open(descriptor, options.signal === undefined ? {} : { signal: options.signal })
  const bytes = await collect(reader, size)
  if (bytes?.length === size) return bytes
  throw new ImageError(
    'SIZE_MISMATCH',
    `Cannot read ${digest}: ${bytes?.length ?? 'more'} bytes came, expected ${size}`,
  )
}
