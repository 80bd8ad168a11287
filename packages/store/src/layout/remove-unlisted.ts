import type { Digest } from '@gantry/oci'
import { addReachable } from '../reach.ts'
import type { IndexFile } from './index-file.ts'
import type { LayoutBlobs } from './layout-blobs.ts'

/** Removes the blobs of a layout that its index does not lead to and that nobody used within `grace` milliseconds. */
export async function removeUnlisted(
  blobs: LayoutBlobs,
  index: IndexFile,
  grace: number,
): Promise<{ readonly blobs: number; readonly bytes: number }> {
  const before = Date.now() - grace
  const kept = new Set<Digest>()
  for (const descriptor of await index.read()) await addReachable(blobs, descriptor, kept)
  const removed = { blobs: 0, bytes: 0 }
  for await (const { digest, size, used } of blobs.list()) {
    if (kept.has(digest) || used > before) continue
    await blobs.delete(digest)
    removed.blobs++
    removed.bytes += size
  }
  return removed
}
