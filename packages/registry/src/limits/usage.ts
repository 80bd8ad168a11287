import { isDigest } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { RegistryStorage } from '../storage.ts'

/** Of what the size is asked. */
export interface UsageQuery {
  /** Which repositories, by their names. */
  readonly matches: (repository: string) => boolean
  /** Only what that one has pushed. */
  readonly principal?: string
}

/** Knows how many bytes repositories hold: each blob and manifest once, however many of them have it. */
export class Usage {
  readonly #state: State
  readonly #storage: Pick<RegistryStorage, 'size'>

  constructor(state: State, storage: Pick<RegistryStorage, 'size'>) {
    this.#state = state
    this.#storage = storage
  }

  /**
   * The sum. Whoever adds to it on the ground of the answer does so before anything else happens: `then` is called with the
   * sum of this very moment.
   */
  async bytes<T>(query: UsageQuery, then: (bytes: number) => T): Promise<T> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const unknown = this.#ask(query, `SELECT digest FROM (${held}) WHERE size IS NULL`)
      if (unknown.length === 0) break
      await this.#learnSizes(unknown.map(({ digest }) => String(digest)))
    }
    return then(Number(this.#ask(query, `SELECT sum(size) AS bytes FROM (${held})`)[0]?.['bytes'] ?? 0))
  }

  /** Whether the bytes of a digest count already. */
  has(query: UsageQuery, digest: Digest): boolean {
    const sql = `SELECT name FROM registry_repositories r WHERE EXISTS (
        SELECT 1 FROM registry_blobs WHERE repository = r.id AND digest = ?1
        UNION ALL SELECT 1 FROM registry_manifests WHERE repository = r.id AND digest = ?1)
      AND (?2 IS NULL OR EXISTS (
        SELECT 1 FROM registry_pushes p WHERE p.principal = ?2 AND p.repository = r.name AND p.digest = ?1))`
    const rows = this.#state.prepare(sql).all(digest, query.principal ?? null)
    return rows.some(({ name }) => query.matches(String(name)))
  }

  /** Notes who has pushed something. */
  record(principal: string, repository: string, digest: Digest): void {
    this.#state
      .prepare('INSERT INTO registry_pushes (principal, repository, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
      .run(principal, repository, digest)
  }

  #ask({ matches, principal }: UsageQuery, sql: string): readonly Readonly<Record<string, unknown>>[] {
    const named = this.#state.prepare('SELECT id, name FROM registry_repositories').all()
    const ids = named.filter(({ name }) => matches(String(name))).map(({ id }) => Number(id))
    return ids.length === 0 ? [] : this.#state.prepare(sql).all(JSON.stringify(ids), principal ?? null)
  }

  /** Sizes never change, so each is looked up once. */
  async #learnSizes(digests: readonly string[]): Promise<void> {
    const sizes: (readonly [string, number])[] = []
    for (const digest of digests) {
      const size = isDigest(digest) ? await this.#storage.size(digest) : undefined
      if (size !== undefined) sizes.push([digest, size])
    }
    const insert = this.#state.prepare(
      'INSERT INTO registry_blob_sizes (digest, size) VALUES (?, ?) ON CONFLICT DO NOTHING',
    )
    this.#state.transaction(() => {
      for (const [digest, size] of sizes) insert.run(digest, size)
    })
  }
}

/** What repositories (a list of their numbers) hold, each digest once; of one principal, or of all. */
const held = `SELECT digest, size FROM (
    SELECT repository, digest FROM registry_blobs UNION SELECT repository, digest FROM registry_manifests) held
  LEFT JOIN registry_blob_sizes USING (digest)
  WHERE repository IN (SELECT value FROM json_each(?1))
    AND (?2 IS NULL OR EXISTS (
      SELECT 1 FROM registry_pushes p JOIN registry_repositories r ON r.name = p.repository
      WHERE p.principal = ?2 AND r.id = held.repository AND p.digest = held.digest))
  GROUP BY digest`
