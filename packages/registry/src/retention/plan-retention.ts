import { isDigest } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { RegistryStorage } from '../storage.ts'
import { planRepository } from './plan-repository.ts'
import type { RepositoryPlan } from './plan-repository.ts'
import { lastPulls } from './pull-times.ts'
import type { PullTimes } from './pull-times.ts'
import { readContent } from './repository-content.ts'
import type { RetentionConfig } from './retention-config.ts'
import { steadyNow } from '../clock/steady-clock.ts'

/** What a plan is made from. */
export interface RetentionOptions {
  readonly config: Pick<RetentionConfig, 'rules'>
  readonly state: State
  readonly storage: Pick<RegistryStorage, 'size'>
  readonly pulls?: PullTimes
  /** Tags that are kept whatever the rules say, such as immutable ones. */
  readonly isProtected?: (repository: string, tag: string) => boolean
  readonly now?: () => number
}

/** What would go, from which repositories. */
export interface RetentionPlan {
  /** When it was made, in milliseconds. */
  readonly at: number
  /** Only those that something goes from. */
  readonly repositories: readonly RepositoryPlan[]
  readonly tags: number
  readonly manifests: number
  /**
   * What the next collection of garbage can remove then: content that no other manifest of the registry leads to. Less, when
   * local images have it too.
   */
  readonly blobs: number
  readonly bytes: number
}

/** Finds out what would go by the rules, and changes nothing. */
export async function planRetention(options: RetentionOptions): Promise<RetentionPlan> {
  const { config, state, pulls, isProtected = () => false, now = steadyNow } = options
  pulls?.flush()
  const at = now()
  const plans: { readonly id: number; readonly plan: RepositoryPlan }[] = []
  for (const row of state.prepare('SELECT id, name FROM registry_repositories ORDER BY name').all()) {
    const { id, name } = { id: Number(row['id']), name: String(row['name']) }
    const rule = config.rules.find(({ repositories }) => repositories.some((pattern) => pattern.matches(name)))
    if (rule === undefined) continue
    const plan = planRepository(readContent(state, { id, name }), {
      rule,
      pulls: lastPulls(state, name),
      recent: pulls?.recent(name) ?? new Set(),
      isProtected,
      now: at,
    })
    if (plan.tags.length > 0 || plan.manifests.length > 0) plans.push({ id, plan })
    // One repository after the other, with whoever else waits in between.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const repositories = plans.map(({ plan }) => plan)
  return {
    at,
    repositories,
    tags: repositories.reduce((sum, { tags }) => sum + tags.length, 0),
    manifests: repositories.reduce((sum, { manifests }) => sum + manifests.length, 0),
    ...(await freed(options, plans)),
  }
}

/** The content that only what goes leads to. */
async function freed(
  { state, storage }: RetentionOptions,
  plans: readonly { readonly id: number; readonly plan: RepositoryPlan }[],
): Promise<{ readonly blobs: number; readonly bytes: number }> {
  const going = JSON.stringify(
    plans.flatMap(({ id, plan }) => plan.manifests.map(({ digest }) => ({ repository: id, digest }))),
  )
  const sql = `WITH going AS MATERIALIZED (
      SELECT value ->> 'repository' AS repository, value ->> 'digest' AS digest FROM json_each(?)),
    candidates AS MATERIALIZED (
      SELECT digest FROM going
      UNION SELECT child FROM registry_edges e JOIN going g ON g.repository = e.repository AND g.digest = e.parent
        WHERE e.kind IN ('config', 'layer'))
    SELECT digest FROM candidates
    EXCEPT SELECT child FROM registry_edges e WHERE child IN candidates
      AND (e.repository, e.parent) NOT IN (SELECT repository, digest FROM going) AND e.kind <> 'subject'
    EXCEPT SELECT digest FROM registry_manifests m WHERE digest IN candidates
      AND (m.repository, m.digest) NOT IN (SELECT repository, digest FROM going)`
  let blobs = 0
  let bytes = 0
  for (const { digest } of state.prepare(sql).all(going)) {
    const size = typeof digest === 'string' && isDigest(digest) ? await storage.size(digest) : undefined
    if (size === undefined) continue
    blobs += 1
    bytes += size
  }
  return { blobs, bytes }
}
