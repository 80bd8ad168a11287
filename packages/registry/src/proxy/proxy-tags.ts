import type { Descriptor, Digest } from '@gantry/oci'
import type { State } from '@gantry/state'

/** What an upstream said a tag stands for. */
export interface ProxyTag {
  readonly descriptor: Descriptor
  /** When it said so, in milliseconds. */
  readonly checked: number
}

/** Remembers what upstreams said of their tags and lists, in the database. */
export class ProxyTags {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  get(repository: string, tag: string): ProxyTag | undefined {
    const row = this.#state
      .prepare('SELECT digest, media_type, size, checked FROM registry_proxy_tags WHERE repository = ? AND tag = ?')
      .get(repository, tag)
    if (row === undefined) return undefined
    const descriptor = {
      mediaType: String(row['media_type']),
      digest: row['digest'] as Digest,
      size: Number(row['size']),
    }
    return { descriptor, checked: Number(row['checked']) }
  }

  set(repository: string, tag: string, { descriptor, checked }: ProxyTag): void {
    const { digest, mediaType, size } = descriptor
    const sql = `INSERT OR REPLACE INTO registry_proxy_tags (repository, tag, digest, media_type, size, checked)
                 VALUES (?, ?, ?, ?, ?, ?)`
    this.#state.transaction(() => this.#state.prepare(sql).run(repository, tag, digest, mediaType, size, checked))
  }

  /** Forgets a tag, or all tags on a digest. */
  delete(repository: string, reference: { readonly tag: string } | { readonly digest: Digest }): void {
    const [column, value] = 'tag' in reference ? ['tag', reference.tag] : ['digest', reference.digest]
    const sql = `DELETE FROM registry_proxy_tags WHERE repository = ? AND ${column} = ?`
    this.#state.transaction(() => this.#state.prepare(sql).run(repository, value))
  }

  /** A list that was remembered. */
  list(repository: string, what: string): { readonly content: unknown; readonly checked: number } | undefined {
    const row = this.#state
      .prepare('SELECT content, checked FROM registry_proxy_lists WHERE repository = ? AND what = ?')
      .get(repository, what)
    if (row === undefined) return undefined
    return { content: JSON.parse(String(row['content'])) as unknown, checked: Number(row['checked']) }
  }

  setList(repository: string, what: string, { content, checked }: { content: unknown; checked: number }): void {
    const sql = `INSERT OR REPLACE INTO registry_proxy_lists (repository, what, content, checked) VALUES (?, ?, ?, ?)`
    this.#state.transaction(() => this.#state.prepare(sql).run(repository, what, JSON.stringify(content), checked))
  }
}
