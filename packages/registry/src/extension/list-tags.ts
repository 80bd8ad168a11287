import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'

/** A tag with what the database knows of it. Times are in milliseconds. */
export interface TagRow {
  readonly tag: string
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly pushed: number
  readonly pulled?: number
  readonly pulls: number
}

/** How tags are listed. */
export interface TagOrder {
  readonly sort: 'name' | 'time'
  readonly order: 'asc' | 'desc'
}

/** Which tags are listed. */
export interface TagPage {
  readonly n: number
  readonly last: string
  readonly words: readonly string[]
}

/** Where a page ended, for the next one. */
export function cursorOf({ sort }: TagOrder, row: TagRow): string {
  return sort === 'name' ? row.tag : `${row.pushed},${row.tag}`
}

/** A page of a repository's tags: one more than asked for, if there are more. */
export function listTagRows(state: State, repository: string, page: TagPage, by: TagOrder): readonly TagRow[] {
  const { n, last, words } = page
  const direction = by.order === 'asc' ? 'ASC' : 'DESC'
  const after = by.order === 'asc' ? '>' : '<'
  const [, time = '', name = ''] = /^(\d{1,15}),(.*)$/s.exec(last) ?? []
  const place: readonly (string | number)[] = last === '' ? [] : by.sort === 'name' ? [last] : [Number(time), name]
  const keys = by.sort === 'name' ? 'tag' : 'updated, tag'
  const marks = by.sort === 'name' ? '?' : '?, ?'
  const rows = state
    .prepare(
      `SELECT t.tag AS tag, t.digest AS digest, media_type, size, t.updated AS updated, pulled, count
       FROM registry_repositories r
       JOIN registry_tags t ON t.repository = r.id
       JOIN registry_manifests m ON m.repository = t.repository AND m.digest = t.digest
       LEFT JOIN registry_pulls p ON p.repository = r.name AND p.digest = t.digest
       WHERE r.name = ? ${words.map(() => 'AND instr(lower(tag), ?) > 0').join(' ')}
         ${place.length === 0 ? '' : `AND (${keys}) ${after} (${marks})`}
       ORDER BY ${keys.replaceAll(/\w+/g, (key) => `${key} ${direction}`)} LIMIT ?`,
    )
    .all(repository, ...words, ...place, n + 1)
  return rows.map((row) => ({
    tag: String(row['tag']),
    digest: row['digest'] as Digest,
    mediaType: String(row['media_type']),
    size: Number(row['size']),
    pushed: Number(row['updated']),
    ...(row['pulled'] === null ? {} : { pulled: Number(row['pulled']) }),
    pulls: Number(row['count'] ?? 0),
  }))
}
