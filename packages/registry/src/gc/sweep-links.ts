import { setTimeout as sleep } from 'node:timers/promises'
import type { State } from '@gantry/state'

/** Links that are looked at in one step. */
const step = 500
/** Between two steps, for other writers; in milliseconds. */
const pause = 2

/**
 * Lets repositories forget the blobs that no manifest of theirs leads to, and that nobody has counted on since a time. Gives how
 * many they are. A repository whose manifests' edges are not known is left alone.
 */
export async function sweepLinks(
  state: State,
  options: { readonly dryRun: boolean; readonly before: number; readonly signal?: AbortSignal },
): Promise<number> {
  const { dryRun, before, signal } = options
  const find = state.prepare(
    `SELECT repository, digest FROM registry_blobs b
     WHERE (repository, digest) > (?1, ?2) AND added < ?3 AND ${unreferenced}
     ORDER BY repository, digest LIMIT ?4`,
  )
  const remove = state.prepare(
    `DELETE FROM registry_blobs AS b WHERE repository = ?1 AND digest = ?2 AND added < ?3 AND ${unreferenced}`,
  )
  let count = 0
  let [repository, digest] = [-1, '']
  for (;;) {
    signal?.throwIfAborted()
    const found = find.all(repository, digest, before, step)
    if (dryRun) count += found.length
    else if (found.length > 0) {
      // Looked at again under the lock: a manifest may have come.
      count += state.transaction(() =>
        found.reduce(
          (sum, row) => sum + Number(remove.run(Number(row['repository']), String(row['digest']), before).changes),
          0,
        ),
      )
    }
    const last = found.at(-1)
    if (last === undefined || found.length < step) return count
    repository = Number(last['repository'])
    digest = String(last['digest'])
    await sleep(pause)
  }
}

/**
 * Nothing of the repository leads there, and it is known of all its manifests where they lead: each image manifest leads to its
 * config at least. Nor may an upload be under way, after which a manifest will come.
 */
const unreferenced = `
  NOT EXISTS (SELECT 1 FROM registry_edges e WHERE e.repository = b.repository AND e.child = b.digest)
  AND NOT EXISTS (SELECT 1 FROM registry_uploads u WHERE u.repository = b.repository AND u.used >= ?3)
  AND NOT EXISTS (
    SELECT 1 FROM registry_manifests m WHERE m.repository = b.repository
      AND m.media_type NOT IN ('application/vnd.oci.image.index.v1+json',
        'application/vnd.docker.distribution.manifest.list.v2+json')
      AND NOT EXISTS (SELECT 1 FROM registry_edges e WHERE e.repository = m.repository AND e.parent = m.digest))`
