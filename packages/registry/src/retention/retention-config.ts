import { glob } from '../access/glob-field.ts'
import type { Glob } from '../access/glob.ts'
import { duration, integer, listOf, objectOf, optional, truth } from '../config/fields.ts'
import type { Field } from '../config/fields.ts'

/** Which tags are kept: those that match and fulfil one of the conditions; all that match, when there is none. */
export interface KeepRule {
  readonly tags: readonly Glob[]
  /** So many of those that were pushed last. */
  readonly newest?: number
  /** Times are in milliseconds. */
  readonly pushedWithin?: number
  readonly pulledWithin?: number
}

/** What is kept in some repositories. The first rule that matches a repository is the one that counts there. */
export interface RetentionRule {
  readonly repositories: readonly Glob[]
  /** A tag that none of these keeps goes. Without them all tags are kept. */
  readonly keep?: readonly KeepRule[]
  /** How long what has no tag stays after it was pushed or pulled. Without it, it stays. */
  readonly untagged?: number
}

/** What a registry keeps. */
export interface RetentionConfig {
  readonly rules: readonly RetentionRule[]
  /** How often the rules are applied by themselves. Default: once a day. */
  readonly every: number
  /** Whether that only says what would go. */
  readonly dryRun: boolean
}

const patterns = listOf(glob(), { min: 1 })

const read: Field<Partial<RetentionConfig>> = objectOf({
  rules: optional(
    listOf(
      objectOf({
        repositories: patterns,
        keep: optional(
          listOf(
            objectOf({
              tags: patterns,
              newest: optional(integer({ min: 1 })),
              pushedWithin: optional(duration({ min: 1 })),
              pulledWithin: optional(duration({ min: 1 })),
            }),
            // No rule at all would mean that every tag goes, which nobody writes on purpose.
            { min: 1 },
          ),
        ),
        untagged: optional(duration()),
      }),
    ),
  ),
  every: optional(duration({ min: 60_000 })),
  dryRun: optional(truth()),
})

/**
 * Reads the part of a configuration that says what is kept. Strict: what it does not know is refused.
 *
 * @throws {ConfigError} with the path of what is wrong
 */
export function parseRetentionConfig(value: unknown, path = 'retention'): RetentionConfig {
  const { rules = [], every = 86_400_000, dryRun = false } = read(value, path)
  return { rules, every, dryRun }
}
