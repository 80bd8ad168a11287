import type { Descriptor, Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { Edge, EdgeKind } from './edges.ts'
import type { ManifestReference } from './route.ts'
import { steadyNow } from './clock/steady-clock.ts'

/** A manifest of a repository. */
export interface ManifestRecord {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
}

/** A manifest that is recorded. */
export interface NewManifest extends ManifestRecord {
  readonly tags: readonly string[]
  /** What it leads to. */
  readonly edges: readonly Edge[]
  /** What it refers to, and how the referrers API lists it. */
  readonly referrer?: { readonly subject: Digest; readonly descriptor: Descriptor }
}

/** A part of a sorted list: at most `n` after `last`. */
export interface Page {
  readonly n: number
  readonly last?: string
}

/** How long a push may take between two of its requests at least, in milliseconds. */
const lately = 3_600_000

/** What the database knows of repositories: tags, manifests, which blobs each may show. */
export class Catalog {
  readonly #state: State
  readonly #onChange: (() => void) | undefined

  /** `onChange` is told when what a repository has changed, before it is committed. */
  constructor(state: State, onChange?: () => void) {
    this.#state = state
    this.#onChange = onChange
  }

  /** The number of a repository; `undefined` when nothing was ever pushed to it. */
  find(name: string): number | undefined {
    const id = this.#state.prepare('SELECT id FROM registry_repositories WHERE name = ?').get(name)?.['id']
    return typeof id === 'number' ? id : undefined
  }

  /** The number of a repository, which is made when it is not there. */
  ensure(name: string): number {
    const found = this.find(name)
    if (found !== undefined) return found
    this.#state
      .prepare('INSERT INTO registry_repositories (name, created) VALUES (?, ?) ON CONFLICT DO NOTHING')
      .run(name, steadyNow())
    return this.find(name) ?? 0
  }

  /** The names of repositories that have a manifest and are to be shown, in order. */
  repositories({ n, last = '' }: Page, isShown: (name: string) => boolean = () => true): readonly string[] {
    const found: string[] = []
    const step = Math.max(n, 100)
    for (let after = last, more = true; more && found.length < n;) {
      const names = this.#column(
        'name',
        `SELECT name FROM registry_repositories WHERE name > ?
           AND EXISTS (SELECT 1 FROM registry_manifests WHERE repository = id) ORDER BY name LIMIT ?`,
        after,
        step,
      )
      found.push(...names.filter(isShown))
      more = names.length === step
      after = names.at(-1) ?? after
    }
    return found.slice(0, n)
  }

  /** The repositories that show a blob or manifest, in order. */
  repositoriesOf(digest: Digest): readonly string[] {
    return this.#column(
      'name',
      `SELECT name FROM registry_repositories WHERE id IN (
         SELECT repository FROM registry_blobs WHERE digest = ?1
         UNION SELECT repository FROM registry_manifests WHERE digest = ?1) ORDER BY name`,
      digest,
    )
  }

  /** The tags on a manifest, in order. */
  tagsOf(repository: number, digest: Digest): readonly string[] {
    const sql = 'SELECT tag FROM registry_tags WHERE repository = ? AND digest = ? ORDER BY tag'
    return this.#column('tag', sql, repository, digest)
  }

  hasBlob(repository: number, digest: Digest): boolean {
    const found = this.#state
      .prepare(
        `SELECT 1 FROM registry_blobs WHERE repository = ?1 AND digest = ?2
         UNION ALL SELECT 1 FROM registry_manifests WHERE repository = ?1 AND digest = ?2`,
      )
      .get(repository, digest)
    return found !== undefined
  }

  /** Lets a repository show a blob. */
  linkBlob(repository: number, digest: Digest): void {
    this.#state
      .prepare(
        `INSERT INTO registry_blobs (repository, digest, added) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET added = excluded.added`,
      )
      .run(repository, digest, steadyNow())
  }

  /**
   * Says that somebody counts on a blob that the repository shows: it goes on showing it, as if it had just been pushed. With
   * `freshness`, in milliseconds, only if nobody has said so for that long.
   */
  useBlob(repository: number, digest: Digest, freshness = 0): void {
    const now = steadyNow()
    const sql = 'SELECT 1 FROM registry_blobs WHERE repository = ? AND digest = ? AND added <= ?'
    if (this.#state.prepare(sql).get(repository, digest, now - freshness) === undefined) return
    const update = 'UPDATE registry_blobs SET added = ? WHERE repository = ? AND digest = ?'
    this.#state.transaction(() => this.#state.prepare(update).run(now, repository, digest))
  }

  unlinkBlob(repository: number, digest: Digest): boolean {
    const sql = 'DELETE FROM registry_blobs WHERE repository = ? AND digest = ?'
    return this.#state.prepare(sql).run(repository, digest).changes > 0
  }

  manifest(repository: number, reference: ManifestReference): ManifestRecord | undefined {
    const row =
      reference.kind === 'digest'
        ? this.#state
            .prepare('SELECT digest, media_type, size FROM registry_manifests WHERE repository = ? AND digest = ?')
            .get(repository, reference.digest)
        : this.#state
            .prepare(
              `SELECT m.digest, m.media_type, m.size FROM registry_tags t
               JOIN registry_manifests m ON m.repository = t.repository AND m.digest = t.digest
               WHERE t.repository = ? AND t.tag = ?`,
            )
            .get(repository, reference.tag)
    if (row === undefined) return undefined
    return { digest: row['digest'] as Digest, mediaType: String(row['media_type']), size: Number(row['size']) }
  }

  /** Records a manifest and its tags; inside the caller's transaction. */
  putManifest(repository: number, manifest: NewManifest): void {
    const { digest, mediaType, size, tags, edges, referrer } = manifest
    const now = steadyNow()
    this.#state
      .prepare(
        `INSERT INTO registry_manifests (repository, digest, media_type, size, subject, referrer, artifact_type, added)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (repository, digest) DO UPDATE SET media_type = excluded.media_type, subject = excluded.subject,
           referrer = excluded.referrer, artifact_type = excluded.artifact_type`,
      )
      .run(
        repository,
        digest,
        mediaType,
        size,
        referrer?.subject ?? null,
        referrer === undefined ? null : JSON.stringify(referrer.descriptor),
        referrer?.descriptor.artifactType ?? null,
        now,
      )
    const insertEdge = this.#state.prepare(
      'INSERT INTO registry_edges (repository, parent, child, kind) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    )
    for (const { child, kind } of edges) insertEdge.run(repository, digest, child, kind)
    for (const tag of tags) this.#putTag(repository, tag, digest)
    this.#changed(repository)
  }

  /** Puts a tag on a manifest, taking it from where it was. Inside the caller's transaction. */
  putTag(repository: number, tag: string, digest: Digest): void {
    this.#putTag(repository, tag, digest)
    this.#changed(repository)
  }

  #putTag(repository: number, tag: string, digest: Digest): void {
    this.#state
      .prepare(
        `INSERT INTO registry_tags (repository, tag, digest, updated) VALUES (?, ?, ?, ?)
         ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest, updated = excluded.updated`,
      )
      .run(repository, tag, digest, steadyNow())
  }

  /** Every manifest of every repository. */
  everyManifest(): readonly (Omit<ManifestRecord, 'size'> & { readonly repository: string })[] {
    const rows = this.#state
      .prepare(
        `SELECT name, digest, media_type FROM registry_manifests JOIN registry_repositories ON id = repository
         ORDER BY name, digest`,
      )
      .all()
    return rows.map((row) => ({
      repository: String(row['name']),
      digest: row['digest'] as Digest,
      mediaType: String(row['media_type']),
    }))
  }

  /** What a manifest of the repository leads to. */
  children(repository: number, parent: Digest): readonly Edge[] {
    const sql = 'SELECT child, kind FROM registry_edges WHERE repository = ? AND parent = ? ORDER BY kind, child'
    const rows = this.#state.prepare(sql).all(repository, parent)
    return rows.map((row) => ({ kind: row['kind'] as EdgeKind, child: row['child'] as Digest }))
  }

  /** The manifests of the repository that lead to something. */
  parents(repository: number, child: Digest): readonly Digest[] {
    const sql = 'SELECT DISTINCT parent FROM registry_edges WHERE repository = ? AND child = ? ORDER BY parent'
    return this.#column('parent', sql, repository, child) as readonly Digest[]
  }

  /** Forgets a manifest and every tag on it; false when it was not there. Inside the caller's transaction. */
  deleteManifest(repository: number, digest: Digest): boolean {
    this.#state.prepare('DELETE FROM registry_tags WHERE repository = ? AND digest = ?').run(repository, digest)
    // The blobs that came for this manifest wait for no other, unless somebody else has counted on them lately: before or
    // after this one was pushed makes no difference to them.
    this.#state
      .prepare(
        `UPDATE registry_blobs SET added = 0 WHERE repository = ?1
           AND digest IN (SELECT child FROM registry_edges WHERE repository = ?1 AND parent = ?2)
           AND added < (SELECT added FROM registry_manifests WHERE repository = ?1 AND digest = ?2)
           AND added < ?3`,
      )
      .run(repository, digest, steadyNow() - lately)
    this.#changed(repository)
    const sql = 'DELETE FROM registry_manifests WHERE repository = ? AND digest = ?'
    return this.#state.prepare(sql).run(repository, digest).changes > 0
  }

  /** Takes a tag away; false when it was not there. Inside the caller's transaction. */
  deleteTag(repository: number, tag: string): boolean {
    this.#changed(repository)
    const sql = 'DELETE FROM registry_tags WHERE repository = ? AND tag = ?'
    return this.#state.prepare(sql).run(repository, tag).changes > 0
  }

  /** Tags of indexes and manifests that have something as a part, whatever lies between; what it only is the subject of has not. */
  tagsLeadingTo(repository: number, digest: Digest): readonly { readonly tag: string; readonly digest: Digest }[] {
    const rows = this.#state
      .prepare(
        `WITH RECURSIVE above (digest) AS (
           SELECT parent FROM registry_edges WHERE repository = ?1 AND child = ?2 AND kind <> 'subject'
           UNION
           SELECT parent FROM registry_edges JOIN above ON child = digest WHERE repository = ?1 AND kind <> 'subject'
         )
         SELECT tag, registry_tags.digest AS digest FROM registry_tags JOIN above USING (digest) WHERE repository = ?1`,
      )
      .all(repository, digest)
    return rows.map((row) => ({ tag: String(row['tag']), digest: row['digest'] as Digest }))
  }

  /** Tags in the order of their bytes. */
  tags(repository: number, { n, last = '' }: Page): readonly string[] {
    const sql = 'SELECT tag FROM registry_tags WHERE repository = ? AND tag > ? ORDER BY tag LIMIT ?'
    return this.#column('tag', sql, repository, last, n)
  }

  /** What refers to the subject, as the referrers API lists it, in the order of digests. */
  referrers(
    repository: number,
    subject: Digest,
    options: Page & { readonly artifactType?: string },
  ): readonly Descriptor[] {
    const { n, last = '', artifactType } = options
    return this.#column(
      'referrer',
      `SELECT referrer FROM registry_manifests
       WHERE repository = ?1 AND subject = ?2 AND digest > ?3 AND (?4 IS NULL OR artifact_type = ?4)
       ORDER BY digest LIMIT ?5`,
      repository,
      subject,
      last,
      artifactType ?? null,
      n,
    ).map((text) => JSON.parse(text) as Descriptor)
  }

  #changed(repository: number): void {
    this.#state.prepare('UPDATE registry_repositories SET changed = changed + 1 WHERE id = ?').run(repository)
    this.#onChange?.()
  }

  #column(name: string, sql: string, ...values: (string | number | null)[]): readonly string[] {
    return this.#state
      .prepare(sql)
      .all(...values)
      .map((row) => String(row[name]))
  }
}
