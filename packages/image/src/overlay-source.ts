import type { Digest } from '@gantry/oci'
import type { BlobSource } from './blob.ts'
import { readerOf, resolveRange } from './bytes.ts'

/** A source that knows some blobs itself, as bytes or in another source, and asks `base` for the others. */
export function overlaySource(base: BlobSource, blobs: ReadonlyMap<Digest, Uint8Array | BlobSource>): BlobSource {
  return {
    open: async (descriptor, options = {}) => {
      const known = blobs.get(descriptor.digest)
      if (known === undefined) return base.open(descriptor, options)
      if (!(known instanceof Uint8Array)) return known.open(descriptor, options)
      const { start, end } = resolveRange(known.length, options.range)
      return readerOf(known.subarray(start, end), options.signal)
    },
    behind: (descriptor) => {
      const known = blobs.get(descriptor.digest) ?? base
      return known instanceof Uint8Array ? undefined : (known.behind?.(descriptor) ?? known)
    },
  }
}
