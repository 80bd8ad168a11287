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

/** The tags that one of the rules keeps. */
export function chooseTags(tags: readonly TagEntry[], { rules, pulls, now }: Choice): ReadonlySet<TagEntry> {
  const kept = new Set<TagEntry>()
  for (const { tags: patterns, newest, pushedWithin, pulledWithin } of rules) {
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
    }
  }
  return kept
}
