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

/**
 * The rows of this package in `state.db`. A root may hold the same layer in several variants, since who may not give files to others
 * unpacks it otherwise: one table sees the layers of its own variant, which is written behind each chain.
 */
export class SnapshotTable {
  readonly #state: State
  readonly #suffix: string

  constructor(state: State, variant: string = '') {
    this.#state = state
    this.#suffix = variant === '' ? '' : ` ${variant}`
  }

  /** A number that no directory under snapshots/ has had before. */
  nextNumber(): number {
    return Number(this.#state.prepare('INSERT INTO snapshot_numbers DEFAULT VALUES').run().lastInsertRowid)
  }

  layer(chain: Digest): LayerRow | undefined {
    const sql = 'SELECT * FROM snapshot_layers WHERE chain = ?'
    const row = this.#state.prepare(sql).get(this.#stored(chain)) as LayerRow | undefined
    return row === undefined ? undefined : this.#shown(row)
  }

  layers(): readonly LayerRow[] {
    const rows = this.#state.prepare('SELECT * FROM snapshot_layers ORDER BY n').all() as unknown as LayerRow[]
    return rows.filter(({ chain }) => isOf(chain, this.#suffix)).map((row) => this.#shown(row))
  }

  /** The numbers of the layers of every variant. */
  numbers(): readonly number[] {
    return this.#state
      .prepare('SELECT n FROM snapshot_layers')
      .all()
      .map(({ n }) => Number(n))
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
    const statement = this.#state.prepare(sql)
    const result = statement.run(n, this.#stored(chain), this.#stored(parent), diff_id, bytes, created, used)
    return Number(result.changes) === 1
  }

  /** Notes that a layer is used, once a minute at most. */
  touch({ n, used }: LayerRow, now: number): void {
    if (used >= now - 30_000) return
    this.#state.prepare('UPDATE snapshot_layers SET used = ? WHERE n = ?').run(now, n)
  }

  /** Removes a layer that nothing stands on; false when something does. */
  dropLayer(chain: Digest): boolean {
    const sql = `DELETE FROM snapshot_layers WHERE chain = ?1
      AND NOT EXISTS (SELECT 1 FROM snapshot_layers WHERE parent = ?1)
      AND NOT EXISTS (SELECT 1 FROM snapshot_uppers WHERE parent = ?1)`
    return Number(this.#state.prepare(sql).run(this.#stored(chain)).changes) === 1
  }

  upper(key: string): UpperRow | undefined {
    const row = this.#state.prepare('SELECT * FROM snapshot_uppers WHERE key = ?').get(key) as UpperRow | undefined
    return row === undefined ? undefined : this.#shown(row)
  }

  uppers(): readonly UpperRow[] {
    const rows = this.#state.prepare('SELECT * FROM snapshot_uppers ORDER BY n').all() as unknown as UpperRow[]
    return rows.map((row) => this.#shown(row))
  }

  /** Adds a snapshot; false when its key is taken. */
  addUpper(row: UpperRow): boolean {
    const { n, key, parent, owner, directory, mount, mount_owner, volatile, created } = row
    const sql = 'INSERT INTO snapshot_uppers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING'
    const statement = this.#state.prepare(sql)
    const below = this.#stored(parent)
    const result = statement.run(n, key, below, owner, directory, mount, mount_owner, volatile, created)
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

  #stored(chain: Digest | null): string | null {
    return chain === null ? null : `${chain}${this.#suffix}`
  }

  #shown<Row extends { readonly parent: Digest | null; readonly chain?: Digest }>(row: Row): Row {
    const { chain, parent } = row
    return {
      ...row,
      ...(chain === undefined ? {} : { chain: bare(chain) }),
      parent: parent === null ? null : bare(parent),
    }
  }
}

function isOf(stored: string, suffix: string): boolean {
  return suffix === '' ? !stored.includes(' ') : stored.endsWith(suffix)
}

function bare(stored: Digest): Digest {
  const end = stored.indexOf(' ')
  return end === -1 ? stored : (stored.slice(0, end) as Digest)
}
