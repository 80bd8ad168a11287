import type { Digest } from '@gantry/oci'

/**
 * Something that happened to a repository: what webhooks, metrics and retention are told. It is told after it was done, and
 * before the client is answered. `push` is of a manifest, and is followed by a `tag` for each tag it got.
 */
export interface RegistryEvent {
  readonly kind:
    | 'push'
    | 'pull'
    | 'delete'
    | 'tag'
    | 'untag'
    | 'mount'
    | 'blob-push'
    | 'blob-pull'
    | 'blob-delete'
    | 'cache-hit'
    | 'cache-miss'
    | 'cache-stale'
    | 'gc'
  readonly repository: string
  /** In milliseconds. */
  readonly at: number
  readonly digest?: Digest
  readonly tag?: string
  readonly mediaType?: string
  readonly size?: number
  /** The name of the principal. */
  readonly actor?: string
  /** The registry that a cache asked. */
  readonly upstream?: string
  /** The id of the request. */
  readonly request?: string
}
