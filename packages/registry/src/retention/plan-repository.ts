import type { Digest } from '@gantry/oci'
import { tagsToGo } from './choose-tags.ts'
import type { TagReason } from './choose-tags.ts'
import type { Pulled } from './pull-times.ts'
import { withAbove, withBelow } from './repository-content.ts'
import type { ManifestEntry, RepositoryContent, TagEntry } from './repository-content.ts'
import type { RetentionRule } from './retention-config.ts'

/** What a plan for a repository is made from. */
export interface RepositoryPlanning {
  readonly rule: RetentionRule
  readonly pulls: ReadonlyMap<Digest, Pulled>
  /** What is in use right now: it and what it belongs to is left for the next time. */
  readonly recent: ReadonlySet<Digest>
  /** Tags that are kept whatever the rules say. */
  readonly isProtected: (repository: string, tag: string) => boolean
  readonly now: number
}

/** A tag that would go. */
export interface GoingTag extends TagEntry {
  readonly why: TagReason
}

/** What would go from a repository: tags first, then manifests in this order, none before what leads to it. */
export interface RepositoryPlan {
  readonly repository: string
  readonly tags: readonly GoingTag[]
  readonly manifests: readonly ManifestEntry[]
  /** How many of each stay. */
  readonly kept: { readonly tags: number; readonly manifests: number }
}

/** Finds out what would go from a repository by its rule. */
export function planRepository(content: RepositoryContent, planning: RepositoryPlanning): RepositoryPlan {
  const { rule, pulls, recent, isProtected, now } = planning
  const { name, tags, manifests } = content
  const unkept = rule.keep === undefined ? new Map() : tagsToGo(tags, { rules: rule.keep, pulls, now })
  const kept = new Set(tags.filter((entry) => !unkept.has(entry) || isProtected(name, entry.tag)))

  const tagged = withBelow(
    content,
    tags.map(({ digest }) => digest),
  )
  const since = rule.untagged === undefined ? -Infinity : now - rule.untagged
  const isYoung = ({ digest, added }: ManifestEntry): boolean => Math.max(added, pulls.get(digest)?.pulled ?? 0) > since
  const untagged = [...manifests.values()].filter((each) => !tagged.has(each.digest) && isYoung(each))

  const keep = withBelow(
    content,
    [...kept, ...untagged].map(({ digest }) => digest),
  )
  const inUse = [...recent].filter((digest) => manifests.has(digest) && !keep.has(digest))
  const postponed = withBelow(content, withAbove(content, inUse))
  const stays = (digest: Digest): boolean => keep.has(digest) || postponed.has(digest)

  const going = [...manifests.values()].filter(({ digest }) => !stays(digest))
  const goingTags: GoingTag[] = []
  for (const [entry, why] of unkept) {
    if (!kept.has(entry) && !postponed.has(entry.digest)) goingTags.push({ ...entry, why })
  }
  for (const { digest: to } of going) {
    const attached = content.attached.get(to) ?? []
    goingTags.push(...attached.map((entry) => ({ ...entry, why: { kind: 'attached' as const, to } })))
  }
  const attached = [...content.attached.values()].reduce((sum, each) => sum + each.length, 0)
  return {
    repository: name,
    tags: goingTags,
    manifests: inOrder(content, going),
    kept: { tags: tags.length + attached - goingTags.length, manifests: manifests.size - going.length },
  }
}

/** What leads to something comes before it, so that at no time anything is there that leads nowhere. */
function inOrder(content: RepositoryContent, going: readonly ManifestEntry[]): readonly ManifestEntry[] {
  const entries = new Map(going.map((entry) => [entry.digest, entry]))
  const seen = new Set<Digest>()
  const result: ManifestEntry[] = []
  // Without recursion: what hangs together may be as deep as somebody likes.
  const stack = going.map((entry) => ({ entry, isDone: false })).toReversed()
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { entry, isDone } = top
    if (isDone) result.push(entry)
    if (isDone || seen.has(entry.digest)) continue
    seen.add(entry.digest)
    stack.push({ entry, isDone: true })
    for (const next of content.below.get(entry.digest) ?? []) {
      const below = entries.get(next)
      if (below !== undefined && !seen.has(next)) stack.push({ entry: below, isDone: false })
    }
  }
  return result.toReversed()
}
