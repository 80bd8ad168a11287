import { join } from 'node:path'
import { digestAlgorithm, digestHex } from '@gantry/oci'
import type { Digest } from '@gantry/oci'

/** The files of a partial blob. */
export interface PartialFiles {
  readonly data: string
  readonly map: string
  /** Locked (flock) by whoever writes the other two. */
  readonly lock: string
}

/** Where a partial blob is, beside what else is half-written. */
export function partialFiles(ingest: string, digest: Digest): PartialFiles {
  const data = join(ingest, `partial-${digestAlgorithm(digest)}-${digestHex(digest)}`)
  return { data, map: `${data}.map`, lock: `${data}.lock` }
}
