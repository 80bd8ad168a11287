import type { Owner } from '@gantry/linux'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'

/** A committed layer. */
export interface LayerRow {
  readonly n: number
  readonly chain: Digest
  readonly parent: Digest | null
  readonly diff_id: Digest
  readonly bytes: number
  readonly created: number
  readonly used: number
}

/** A writable snapshot. `directory` and `mount` are sequences in the ledger. */
export interface UpperRow {
  readonly n: number
  readonly key: string
  readonly parent: Digest | null
  readonly owner: Owner
  readonly directory: number
  readonly mount: number | null
  readonly mount_owner: Owner | null
  readonly volatile: 0 | 1
  readonly created: number
}

/** The rows of this package in `state.db`. */
export class SnapshotTable {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  /** A number that no directory under snapshots/ has had before. */
  nextNumber(): number {
    return Number(this.#state.prepare('INSERT INTO snapshot_numbers DEFAULT VALUES').run().lastInsertRowid)
  }

  layer(chain: Digest): LayerRow | undefined {
    return this.#state.prepare('SELECT * FROM snapshot_layers WHERE chain = ?').get(chain) as LayerRow | undefined
  }

  layers(): readonly LayerRow[] {
    return this.#state.prepare('SELECT * FROM snapshot_layers ORDER BY n').all() as unknown as LayerRow[]
  }

  /** A layer with those it stands on, topmost first; undefined when one of them is missing. */
  lineage(chain: Digest): readonly LayerRow[] | undefined {
    const rows: LayerRow[] = []
    for (let at: Digest | null = chain; at !== null;) {
      const row = this.layer(at)
      if (row === undefined) return undefined
      rows.push(row)
      at = row.parent
    }
    return rows
  }

  /** Adds a layer; false when another process was quicker. */
  addLayer(row: LayerRow): boolean {
    const { n, chain, parent, diff_id, bytes, created, used } = row
    const sql = 'INSERT INTO snapshot_layers VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (chain) DO NOTHING'
    return Number(this.#state.prepare(sql).run(n, chain, parent, diff_id, bytes, created, used).changes) === 1
  }

  /** Notes that a layer is used, once a minute at most. */
  touch({ chain, used }: LayerRow, now: number): void {
    if (used >= now - 30_000) return
    this.#state.prepare('UPDATE snapshot_layers SET used = ? WHERE chain = ?').run(now, chain)
  }

  /** Removes a layer that nothing stands on; false when something does. */
  dropLayer(chain: Digest): boolean {
    const sql = `DELETE FROM snapshot_layers WHERE chain = ?1
      AND NOT EXISTS (SELECT 1 FROM snapshot_layers WHERE parent = ?1)
      AND NOT EXISTS (SELECT 1 FROM snapshot_uppers WHERE parent = ?1)`
    return Number(this.#state.prepare(sql).run(chain).changes) === 1
  }

  upper(key: string): UpperRow | undefined {
    return this.#state.prepare('SELECT * FROM snapshot_uppers WHERE key = ?').get(key) as UpperRow | undefined
  }

  uppers(): readonly UpperRow[] {
    return this.#state.prepare('SELECT * FROM snapshot_uppers ORDER BY n').all() as unknown as UpperRow[]
  }

  /** Adds a snapshot; false when its key is taken. */
  addUpper(row: UpperRow): boolean {
    const { n, key, parent, owner, directory, mount, mount_owner, volatile, created } = row
    const sql = 'INSERT INTO snapshot_uppers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING'
    const statement = this.#state.prepare(sql)
    const result = statement.run(n, key, parent, owner, directory, mount, mount_owner, volatile, created)
    return Number(result.changes) === 1
  }

  setMount(key: string, mount: number, owner: Owner): void {
    this.#state.prepare('UPDATE snapshot_uppers SET mount = ?, mount_owner = ? WHERE key = ?').run(mount, owner, key)
  }

  dropUpper(key: string): void {
    this.#state.prepare('DELETE FROM snapshot_uppers WHERE key = ?').run(key)
  }

  /** Runs work in one transaction. */
  transaction<T>(work: () => T): T {
    return this.#state.transaction(work)
  }
}
