import type { State } from '@gantry/state'

/** What a search finds: a repository, or a tag of one. */
export interface Found {
  readonly repository: string
  readonly tag?: string
  readonly digest?: string
  /** When it was last pushed to, in milliseconds. */
  readonly pushed: number
}

/** What is searched for. */
export interface SearchPage {
  readonly n: number
  /** `repository`, or `repository:tag`: where the page before ended. */
  readonly last: string
  readonly words: readonly string[]
}

/** Rows that are read at once, of which the asker may see some. */
const step = 500

/** The repositories whose names hold all words, in order; one more than asked for, if there are more. */
export function searchRepositories(
  state: State,
  { n, last, words }: SearchPage,
  isShown: (repository: string) => boolean,
): readonly Found[] {
  const find = state.prepare(
    `SELECT name, (SELECT max(updated) FROM registry_tags WHERE repository = id) AS tagged,
       (SELECT max(added) FROM registry_manifests WHERE repository = id) AS added
     FROM registry_repositories WHERE name > ? ${words.map(() => 'AND instr(name, ?) > 0').join(' ')}
       AND EXISTS (SELECT 1 FROM registry_manifests WHERE repository = id) ORDER BY name LIMIT ?`,
  )
  return collect(
    n + 1,
    last,
    (after) => {
      const rows = find.all(after, ...words, step)
      return rows.map((row) => ({
        place: String(row['name']),
        found: {
          repository: String(row['name']),
          pushed: Math.max(Number(row['tagged'] ?? 0), Number(row['added'] ?? 0)),
        },
      }))
    },
    isShown,
  )
}

/** The tags that hold all words, together with the names of their repositories. */
export function searchTags(
  state: State,
  { n, last, words }: SearchPage,
  isShown: (repository: string) => boolean,
): readonly Found[] {
  const find = state.prepare(
    `SELECT name, tag, digest, updated FROM registry_repositories JOIN registry_tags ON repository = id
     WHERE (name, tag) > (?, ?) ${words.map(() => `AND instr(name || ':' || lower(tag), ?) > 0`).join(' ')}
     ORDER BY name, tag LIMIT ?`,
  )
  return collect(
    n + 1,
    last,
    (after) => {
      const colon = after.indexOf(':')
      const [name, tag] = colon < 0 ? [after, ''] : [after.slice(0, colon), after.slice(colon + 1)]
      return find.all(name, tag, ...words, step).map((row) => ({
        place: `${String(row['name'])}:${String(row['tag'])}`,
        found: {
          repository: String(row['name']),
          tag: String(row['tag']),
          digest: String(row['digest']),
          pushed: Number(row['updated']),
        },
      }))
    },
    isShown,
  )
}

function collect(
  n: number,
  last: string,
  read: (after: string) => readonly { readonly place: string; readonly found: Found }[],
  isShown: (repository: string) => boolean,
): readonly Found[] {
  const results: Found[] = []
  for (let after = last; results.length < n;) {
    const rows = read(after)
    for (const { found } of rows) if (results.length < n && isShown(found.repository)) results.push(found)
    const end = rows.at(-1)
    if (end === undefined || rows.length < step) break
    after = end.place
  }
  return results
}
