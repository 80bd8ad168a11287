import { isDigest } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'

/** A tag of a repository, and when it was pushed; in milliseconds. */
export interface TagEntry {
  readonly tag: string
  readonly digest: Digest
  readonly pushed: number
}

/** A manifest of a repository. */
export interface ManifestEntry {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly added: number
}

/** What a repository holds, and how it hangs together. */
export interface RepositoryContent {
  readonly id: number
  readonly name: string
  /** Without those that stand for referrers. */
  readonly tags: readonly TagEntry[]
  readonly manifests: ReadonlyMap<Digest, ManifestEntry>
  /** Tags such as `sha256-<hex>` and `sha256-<hex>.sig` of a manifest that is here: they stay and go with it. */
  readonly attached: ReadonlyMap<Digest, readonly TagEntry[]>
  /** What stays with a manifest: children of an index, referrers, and what attached tags are on. */
  readonly below: ReadonlyMap<Digest, readonly Digest[]>
}

/** Reads what a repository holds. */
export function readContent(
  state: State,
  { id, name }: { readonly id: number; readonly name: string },
): RepositoryContent {
  const manifests = new Map<Digest, ManifestEntry>()
  const below = new Map<Digest, Digest[]>()
  const link = (from: Digest, to: Digest): void => {
    const found = below.get(from)
    if (found === undefined) below.set(from, [to])
    else found.push(to)
  }
  const rows = state
    .prepare('SELECT digest, media_type, size, subject, added FROM registry_manifests WHERE repository = ?')
    .all(id)
  for (const row of rows) {
    const digest = row['digest'] as Digest
    const { media_type: mediaType, size, added, subject } = row
    manifests.set(digest, { digest, mediaType: String(mediaType), size: Number(size), added: Number(added) })
    if (subject !== null) link(subject as Digest, digest)
  }
  const edges = state.prepare(`SELECT parent, child FROM registry_edges WHERE repository = ? AND kind = 'manifest'`)
  for (const { parent, child } of edges.all(id)) link(parent as Digest, child as Digest)

  const tags: TagEntry[] = []
  const attached = new Map<Digest, TagEntry[]>()
  const tagRows = state.prepare('SELECT tag, digest, updated FROM registry_tags WHERE repository = ? ORDER BY tag')
  for (const row of tagRows.all(id)) {
    const entry = { tag: String(row['tag']), digest: row['digest'] as Digest, pushed: Number(row['updated']) }
    const subject = subjectOf(entry.tag)
    if (subject === undefined || !manifests.has(subject)) tags.push(entry)
    else {
      attached.set(subject, [...(attached.get(subject) ?? []), entry])
      link(subject, entry.digest)
    }
  }
  return { id, name, tags, manifests, attached, below }
}

/**
 * The digest that a tag is about: referrers of registries without the referrers API, and what cosign attaches.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
 */
export function subjectOf(tag: string): Digest | undefined {
  const [, algorithm = '', hex = ''] = /^(sha256|sha512)-([0-9a-f]+)(?:\.[a-z]{1,16})?$/.exec(tag) ?? []
  const digest = `${algorithm}:${hex}`
  return isDigest(digest) ? digest : undefined
}

/** These and everything that stays with them. */
export function withBelow({ below }: RepositoryContent, start: Iterable<Digest>): Set<Digest> {
  const found = new Set(start)
  // A set is iterated to its end, also what is added meanwhile.
  for (const digest of found) for (const next of below.get(digest) ?? []) found.add(next)
  return found
}

/** These and everything that they are below of. */
export function withAbove({ below }: RepositoryContent, start: Iterable<Digest>): Set<Digest> {
  const above = new Map<Digest, Digest[]>()
  for (const [from, all] of below) for (const to of all) above.set(to, [...(above.get(to) ?? []), from])
  const found = new Set(start)
  for (const digest of found) for (const next of above.get(digest) ?? []) found.add(next)
  return found
}
