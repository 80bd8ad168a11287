import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { Answer, RegistryResponse } from '../exchange.ts'
import type { Principal } from '../principal.ts'
import type { TagGuard } from '../tag-guard.ts'
import { WireError } from '../wire-error.ts'
import type { RetentionPlan } from './plan-retention.ts'
import type { PullTimes } from './pull-times.ts'

/** What a plan is applied to. */
export interface ApplyOptions {
  /** The registry itself, without access control and limits before it. */
  readonly answer: Answer
  readonly state: State
  readonly pulls?: PullTimes
  readonly signal?: AbortSignal
}

/** What went. */
export interface Applied {
  readonly tags: number
  readonly manifests: number
  /** What has changed since the plan, and therefore stays. */
  readonly skipped: number
}

/**
 * Does what a plan says. Each removal looks once more, in the transaction that it is made in: what was pushed, moved or used
 * since the plan was made stays. The blobs go with the next collection of garbage.
 */
export async function applyRetention(options: ApplyOptions, plan: RetentionPlan): Promise<Applied> {
  const { answer, state, pulls, signal } = options
  const counts = { tags: 0, manifests: 0, skipped: 0 }
  const remove = async (kind: 'tags' | 'manifests', path: string, guard: TagGuard): Promise<void> => {
    signal?.throwIfAborted()
    const response = await answer({ ...request, path, guard })
    if (response.status === 202) counts[kind] += 1
    else if (response.status === 404 || response.status === 403) counts.skipped += 1
    else throw failure(path, response)
  }
  for (const { repository, tags, manifests } of plan.repositories) {
    for (const { tag, digest } of tags) {
      await remove('tags', `/v2/${repository}/manifests/${tag}`, ({ before }) => {
        if (before !== digest) throw new WireError('DENIED', 'the tag was moved')
      })
    }
    const isUsed = (digest: Digest): boolean => pulls?.recent(repository).has(digest) === true
    for (const { digest } of manifests) {
      await remove('manifests', `/v2/${repository}/manifests/${digest}`, ({ tag }) => {
        if (tag !== undefined) throw new WireError('DENIED', 'it has a tag again')
        if (isUsed(digest) || isNeeded(state, repository, digest)) throw new WireError('DENIED', 'it is needed again')
      })
    }
    state
      .prepare(
        `DELETE FROM registry_pulls WHERE repository = ?1 AND digest NOT IN (
           SELECT digest FROM registry_manifests m JOIN registry_repositories r ON r.id = m.repository WHERE r.name = ?1)`,
      )
      .run(repository)
  }
  return counts
}

/** Whether an index leads to it, or it refers to something that is there. */
function isNeeded(state: State, repository: string, digest: Digest): boolean {
  const sql = `SELECT 1 FROM registry_repositories r WHERE r.name = ?1 AND (
      EXISTS (SELECT 1 FROM registry_edges e WHERE e.repository = r.id AND e.child = ?2 AND e.kind = 'manifest')
      OR EXISTS (
        SELECT 1 FROM registry_manifests m JOIN registry_manifests s ON s.repository = m.repository AND s.digest = m.subject
        WHERE m.repository = r.id AND m.digest = ?2))`
  return state.prepare(sql).get(repository, digest) !== undefined
}

const principal: Principal = { name: 'retention', kind: 'user', may: () => true }
const request = {
  method: 'DELETE',
  query: new URLSearchParams(),
  header: () => undefined,
  body: nothing(),
  principal,
} as const

async function* nothing(): AsyncGenerator<Uint8Array> {}

function failure(path: string, { status, body }: RegistryResponse): Error {
  const said = body instanceof Uint8Array ? new TextDecoder().decode(body) : ''
  return new Error(`Cannot remove ${path}: the registry answered ${status} ${said}`)
}
