import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'

/**
 * Whether a manifest may still come for a blob: a client pushed it, mounted it or asked for it since a time, or a repository that
 * shows it has uploads under way which were used since. It makes no difference whether another manifest leads there now, since
 * that one may be deleted at any moment.
 */
export function isPending(state: State, digest: Digest, since: number): boolean {
  const found = state
    .prepare(
      `SELECT 1 FROM registry_blobs b WHERE digest = ?1 AND (added >= ?2
         OR EXISTS (SELECT 1 FROM registry_uploads u WHERE u.repository = b.repository AND u.used >= ?2)) LIMIT 1`,
    )
    .get(digest, since)
  return found !== undefined
}
