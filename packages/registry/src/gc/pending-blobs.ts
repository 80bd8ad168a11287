import { isDigest } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'

/**
 * The blobs that repositories show and no manifest of them leads to yet, as far as one may still come: those that came since a
 * time, and those of a repository that has uploads under way which were used since.
 */
export function pendingBlobs(state: State, since: number): readonly Digest[] {
  return state
    .prepare(
      `SELECT DISTINCT digest FROM registry_blobs b
       WHERE NOT EXISTS (SELECT 1 FROM registry_edges e WHERE e.repository = b.repository AND e.child = b.digest)
         AND (added >= ?1 OR EXISTS (SELECT 1 FROM registry_uploads u WHERE u.repository = b.repository AND u.used >= ?1))`,
    )
    .all(since)
    .map((row) => String(row['digest']))
    .filter((digest) => isDigest(digest))
}
