import { bytes, duration, integer, listOf, objectOf, oneOf, optional } from '../config/fields.ts'
import type { Field } from '../config/fields.ts'
import { glob } from '../access/glob-field.ts'
import type { Glob } from '../access/glob.ts'

/** How often something may be asked for. */
export interface RateLimit {
  /** Whether each address has its own, or each user and key; unknown ones have that of their address. */
  readonly per: 'peer' | 'principal'
  /** Default: all. */
  readonly methods?: readonly string[]
  readonly requests: number
  /** In milliseconds. */
  readonly within: number
  /** How many may come at once. Default: as many as `requests`. */
  readonly burst?: number
}

/** How many bytes may be kept. */
export interface Quota {
  /** Of which repositories together; with `{user}`, of each user for themselves. */
  readonly repositories: readonly Glob[]
  readonly bytes: number
  /** `principal`: what each user and key has pushed there, for itself. */
  readonly per?: 'principal'
}

/** Tags that stay what they are. */
export interface ImmutableTags {
  readonly repositories: readonly Glob[]
  readonly tags: readonly Glob[]
  readonly except?: readonly Glob[]
}

/** What a registry takes no more of. */
export interface LimitsConfig {
  readonly rates?: readonly RateLimit[]
  readonly maxBlobSize?: number
  readonly maxManifestSize?: number
  readonly maxRepositories?: number
  /** Requests with a part of a blob that are under way: in all, and of each user, key or address. */
  readonly uploads?: { readonly total?: number; readonly each?: number }
  readonly quotas?: readonly Quota[]
  readonly immutable?: readonly ImmutableTags[]
}

const patterns = listOf(glob(), { min: 1 })
const method = oneOf(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])
const count = integer({ min: 1 })

const fields: Field<LimitsConfig> = objectOf({
  rates: optional(
    listOf(
      objectOf({
        per: oneOf(['peer', 'principal']),
        methods: optional(listOf(method, { min: 1 })),
        requests: count,
        within: duration({ min: 1 }),
        burst: optional(count),
      }),
    ),
  ),
  maxBlobSize: optional(bytes()),
  maxManifestSize: optional(bytes()),
  maxRepositories: optional(integer()),
  uploads: optional(objectOf({ total: optional(count), each: optional(count) })),
  quotas: optional(
    listOf(
      objectOf({
        repositories: listOf(glob({ variables: true }), { min: 1 }),
        bytes: bytes(),
        per: optional(oneOf(['principal'])),
      }),
    ),
  ),
  immutable: optional(listOf(objectOf({ repositories: patterns, tags: patterns, except: optional(patterns) }))),
})

/**
 * Reads the part of a configuration that limits what is taken. Strict: what it does not know is refused.
 *
 * @throws {ConfigError} with the path of what is wrong
 */
export function parseLimitsConfig(value: unknown, path = 'limits'): LimitsConfig {
  return fields(value, path)
}
