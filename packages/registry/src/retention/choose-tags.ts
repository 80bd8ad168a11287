import type { Digest } from '@gantry/oci'
import type { Pulled } from './pull-times.ts'
import type { TagEntry } from './repository-content.ts'
import type { KeepRule } from './retention-config.ts'

/** By what tags are chosen. */
export interface Choice {
  readonly rules: readonly KeepRule[]
  readonly pulls: ReadonlyMap<Digest, Pulled>
  readonly now: number
}

/** A rule that is about a tag and does not keep it: none of its conditions holds. */
export interface FailedRule extends Pick<KeepRule, 'newest' | 'pushedWithin' | 'pulledWithin'> {
  /** Its patterns. */
  readonly tags: readonly string[]
  /** Which the tag is of those that it is about, from 1 for the one that was pushed last. */
  readonly rank: number
}

/** Why a tag goes: no rule is about it, or none that is keeps it; or it stands for something that is about what goes. */
export type TagReason =
  | { readonly kind: 'rules'; readonly failed: readonly FailedRule[]; readonly pulled?: number }
  | { readonly kind: 'attached'; readonly to: Digest }

/** The tags that none of the rules keeps, and why. */
export function tagsToGo(
  tags: readonly TagEntry[],
  { rules, pulls, now }: Choice,
): ReadonlyMap<TagEntry, TagReason & { readonly kind: 'rules' }> {
  const kept = new Set<TagEntry>()
  const failed = new Map<TagEntry, FailedRule[]>()
  for (const { tags: patterns, ...conditions } of rules) {
    const { newest, pushedWithin, pulledWithin } = conditions
    const matching = tags.filter(({ tag }) => patterns.some((pattern) => pattern.matches(tag)))
    const isUnconditional = newest === undefined && pushedWithin === undefined && pulledWithin === undefined
    const byAge = matching.toSorted((a, b) => b.pushed - a.pushed || (a.tag < b.tag ? 1 : -1))
    for (const [rank, entry] of byAge.entries()) {
      const pulled = pulls.get(entry.digest)?.pulled ?? -Infinity
      const isKept =
        isUnconditional ||
        rank < (newest ?? 0) ||
        entry.pushed > now - (pushedWithin ?? 0) ||
        pulled > now - (pulledWithin ?? 0)
      if (isKept) kept.add(entry)
      const rule = { tags: patterns.map(({ source }) => source), ...conditions, rank: rank + 1 }
      failed.set(entry, [...(failed.get(entry) ?? []), rule])
    }
  }
  return new Map(
    tags
      .filter((entry) => !kept.has(entry))
      .map((entry) => {
        const pulled = pulls.get(entry.digest)?.pulled
        const reason = { kind: 'rules' as const, failed: failed.get(entry) ?? [] }
        return [entry, pulled === undefined ? reason : { ...reason, pulled }]
      }),
  )
}
