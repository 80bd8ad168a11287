import { isDigest } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { RegistryStorage } from '../storage.ts'

/** How much a repository holds. What several repositories share counts in each. Times are in milliseconds. */
export interface RepositoryUsage {
  readonly repository: string
  readonly tags: number
  readonly manifests: number
  readonly blobs: number
  readonly bytes: number
  readonly created: number
  readonly pushed: number
  readonly pulled?: number
}

/** Measures a repository; `undefined` when there is none of that name. */
export async function measureUsage(
  { state, storage }: { readonly state: State; readonly storage: RegistryStorage },
  repository: string,
): Promise<RepositoryUsage | undefined> {
  const row = state
    .prepare(
      `SELECT id, created, (SELECT count(*) FROM registry_tags WHERE repository = id) AS tags,
         (SELECT count(*) FROM registry_manifests WHERE repository = id) AS manifests,
         (SELECT max(updated) FROM registry_tags WHERE repository = id) AS tagged,
         (SELECT max(added) FROM registry_manifests WHERE repository = id) AS added,
         (SELECT max(pulled) FROM registry_pulls p WHERE p.repository = name) AS pulled
       FROM registry_repositories WHERE name = ?`,
    )
    .get(repository)
  if (row === undefined) return undefined
  const digests = state
    .prepare(
      `SELECT digest FROM registry_blobs WHERE repository = ?1 UNION SELECT digest FROM registry_manifests WHERE repository = ?1`,
    )
    .all(Number(row['id']))
  let bytes = 0
  let blobs = 0
  for (const each of digests) {
    const digest = String(each['digest'])
    const size = isDigest(digest) ? await storage.size(digest) : undefined
    if (size === undefined) continue
    blobs += 1
    bytes += size
    // Sizes are told without waiting: others get their turn.
    if (blobs % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    repository,
    tags: Number(row['tags']),
    manifests: Number(row['manifests']),
    blobs,
    bytes,
    created: Number(row['created']),
    pushed: Math.max(Number(row['tagged'] ?? 0), Number(row['added'] ?? 0)),
    ...(row['pulled'] === null ? {} : { pulled: Number(row['pulled']) }),
  }
}
