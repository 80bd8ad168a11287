import type { Digest } from '@gantry/oci'

/**
 * A tag that is to be made (nothing was before), moved, or taken away (nothing is after). Without a tag it is the manifest
 * itself that is to be taken away, after its tags.
 */
export interface TagChange {
  readonly repository: string
  readonly tag?: string
  readonly before?: Digest
  readonly after?: Digest
  /** Something that the tag leads to, which the request would take away: the tag stays, and what it stands for is no longer whole. */
  readonly part?: Digest
}

/**
 * Asked about each tag that a request changes, inside the transaction that changes it, so that nothing comes between. Throws a
 * {@link WireError} to refuse all that the request would do.
 */
export type TagGuard = (change: TagChange) => void
