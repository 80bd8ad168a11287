import type { State } from '@gantry/state'
import type { Json, JsonObject } from './json.ts'
import type { Holder, LedgerEntry, Owner, OwnerState } from './ledger.ts'

/** An owner's row with its holder's. */
export interface OwnerRow extends Holder {
  readonly owner: Owner
  readonly state: OwnerState
  readonly holder: number
}

/** An entry's row with the boot it was made in. */
export interface EntryRow {
  readonly sequence: number
  readonly owner: Owner
  readonly holder: number
  readonly bootId: string
  readonly kind: string
  readonly why: string
  readonly args: JsonObject
  readonly prior: Json | undefined
  readonly identity: Json | undefined
  readonly state: LedgerEntry['state']
  readonly started: number
  readonly duration: number | undefined
  readonly consequence: boolean
}

/** What a new entry is made of. */
export interface NewEntry {
  readonly owner: Owner
  readonly holder: number
  readonly kind: string
  readonly why: string
  readonly args: JsonObject
  readonly prior?: Json | undefined
  readonly state: LedgerEntry['state']
  readonly consequence: boolean
}

type Row = Record<string, string | number | bigint | null | Uint8Array>

// An owner and all that are nested in it: '0' is the character after '/'.
const within = `(owner = ?1 OR (owner >= ?1 || '/' AND owner < ?1 || '0'))`
const ownerColumns = `owner, state, holder, pid, start_time, boot FROM ledger_owner JOIN ledger_holder ON id = holder`
const entryColumns = `ledger_entry.*, boot FROM ledger_entry JOIN ledger_holder ON id = holder`

/** The ledger's tables as functions. Each is one statement; the caller brings the transaction. */
export class LedgerRows {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  transaction<T>(work: () => T): T {
    return this.#state.transaction(work)
  }

  /** The row number of a holder; made when it is new. */
  holder(holder: Holder): number {
    const values = [holder.pid, holder.startTime, holder.bootId] as const
    const known = this.#get('SELECT id FROM ledger_holder WHERE pid = ? AND start_time = ? AND boot = ?', ...values)
    if (known !== undefined) return Number(known['id'])
    const sql = 'INSERT INTO ledger_holder (pid, start_time, boot) VALUES (?, ?, ?)'
    return Number(this.#state.prepare(sql).run(...values).lastInsertRowid)
  }

  holderOf(id: number): Holder | undefined {
    const row = this.#get('SELECT * FROM ledger_holder WHERE id = ?', id)
    if (row === undefined) return undefined
    return { pid: Number(row['pid']), startTime: String(row['start_time']), bootId: String(row['boot']) }
  }

  owner(owner: Owner): OwnerRow | undefined {
    const row = this.#get(`SELECT ${ownerColumns} WHERE owner = ?`, owner)
    return row === undefined ? undefined : ownerOf(row)
  }

  owners(prefix?: Owner): readonly OwnerRow[] {
    const rows =
      prefix === undefined
        ? this.#all(`SELECT ${ownerColumns} ORDER BY owner`)
        : this.#all(`SELECT ${ownerColumns} WHERE ${within} ORDER BY owner`, prefix)
    return rows.map(ownerOf)
  }

  putOwner(owner: Owner, state: OwnerState, holder: number): void {
    this.#run(
      `INSERT INTO ledger_owner (owner, state, holder) VALUES (?, ?, ?)
       ON CONFLICT (owner) DO UPDATE SET state = excluded.state, holder = excluded.holder`,
      owner,
      state,
      holder,
    )
  }

  /** Sets the state of an owner, if it still has this holder. */
  claim(owner: Owner, was: number, state: OwnerState, holder: number): boolean {
    const sql = 'UPDATE ledger_owner SET state = ?, holder = ? WHERE owner = ? AND holder = ?'
    return Number(this.#state.prepare(sql).run(state, holder, owner, was).changes) === 1
  }

  adopt(owner: Owner, holder: number): void {
    this.#run(`UPDATE ledger_owner SET holder = ?2 WHERE ${within}`, owner, holder)
    this.#run(`UPDATE ledger_entry SET holder = ?2 WHERE ${within} AND state = 'planned'`, owner, holder)
  }

  dropOwners(owner: Owner): void {
    this.#run(`DELETE FROM ledger_owner WHERE ${within}`, owner)
  }

  /** The entries of an owner and of those nested in it, as they were made. */
  entries(owner: Owner): readonly EntryRow[] {
    return this.#all(`SELECT ${entryColumns} WHERE ${within} ORDER BY sequence`, owner).map(entryOf)
  }

  planned(): readonly EntryRow[] {
    return this.#all(`SELECT ${entryColumns} WHERE state = 'planned' ORDER BY sequence`).map(entryOf)
  }

  insert(entry: NewEntry): number {
    const sql = `INSERT INTO ledger_entry (owner, holder, kind, why, args, prior, state, started, consequence)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
    const result = this.#state
      .prepare(sql)
      .run(
        entry.owner,
        entry.holder,
        entry.kind,
        entry.why,
        JSON.stringify(entry.args),
        entry.prior === undefined ? null : JSON.stringify(entry.prior),
        entry.state,
        Date.now(),
        entry.consequence ? 1 : 0,
      )
    return Number(result.lastInsertRowid)
  }

  confirm(sequence: number, outcome: { identity: Json | undefined; started: number; duration: number }): void {
    this.#run(
      `UPDATE ledger_entry SET state = 'done', identity = ?, started = ?, duration = ? WHERE sequence = ?`,
      outcome.identity === undefined ? null : JSON.stringify(outcome.identity),
      Math.round(outcome.started),
      Math.round(outcome.duration * 1000) / 1000,
      sequence,
    )
  }

  mark(sequence: number, state: LedgerEntry['state']): void {
    this.#run('UPDATE ledger_entry SET state = ? WHERE sequence = ?', state, sequence)
  }

  markUndone(owner: Owner): void {
    this.#run(`UPDATE ledger_entry SET state = 'undone' WHERE ${within} AND state <> 'failed'`, owner)
  }

  give(sequence: number, owner: Owner, to: Owner): void {
    this.#run('UPDATE ledger_entry SET owner = ? WHERE sequence = ? AND owner = ?', to, sequence, owner)
  }

  dropEntry(sequence: number): void {
    this.#run('DELETE FROM ledger_entry WHERE sequence = ?', sequence)
  }

  dropEntries(owner: Owner): void {
    this.#run(`DELETE FROM ledger_entry WHERE ${within}`, owner)
  }

  /** Removes what earlier owners beside `keep` have left to be read, such as a container's former runs. */
  dropFormer(outer: Owner, keep: Owner): void {
    this.#run(
      `DELETE FROM ledger_entry WHERE owner >= ?1 || '/' AND owner < ?1 || '0' AND owner <> ?2 AND state IN ('undone', 'failed')
         AND owner NOT IN (SELECT owner FROM ledger_owner)`,
      outer,
      keep,
    )
  }

  /** Whether a run of an owner (`<owner>/run/<n>`) has been complete at some time. */
  hasRun(owner: Owner): boolean {
    const nested = `owner >= ?1 || '/run/' AND owner < ?1 || '/run0'`
    const sql = `SELECT 1 AS found FROM ledger_owner WHERE ${nested} AND state = 'settled'
                 UNION ALL SELECT 1 FROM ledger_entry WHERE ${nested} AND state = 'undone' LIMIT 1`
    return this.#get(sql, owner) !== undefined
  }

  dropHolders(): void {
    this.#run(
      `DELETE FROM ledger_holder WHERE id NOT IN (SELECT holder FROM ledger_owner) AND id NOT IN (SELECT holder FROM ledger_entry)`,
    )
  }

  #get(sql: string, ...values: readonly (string | number)[]): Row | undefined {
    return this.#state.prepare(sql).get(...values)
  }

  #all(sql: string, ...values: readonly (string | number)[]): readonly Row[] {
    return this.#state.prepare(sql).all(...values)
  }

  #run(sql: string, ...values: readonly (string | number | null)[]): void {
    this.#state.prepare(sql).run(...values)
  }
}

function ownerOf(row: Row): OwnerRow {
  return {
    owner: String(row['owner']),
    state: row['state'] as OwnerState,
    holder: Number(row['holder']),
    pid: Number(row['pid']),
    startTime: String(row['start_time']),
    bootId: String(row['boot']),
  }
}

function entryOf(row: Row): EntryRow {
  return {
    sequence: Number(row['sequence']),
    owner: String(row['owner']),
    holder: Number(row['holder']),
    bootId: String(row['boot']),
    kind: String(row['kind']),
    why: String(row['why']),
    args: JSON.parse(String(row['args'])) as JsonObject,
    prior: row['prior'] === null ? undefined : (JSON.parse(String(row['prior'])) as Json),
    identity: row['identity'] === null ? undefined : (JSON.parse(String(row['identity'])) as Json),
    state: row['state'] as LedgerEntry['state'],
    started: Number(row['started']),
    duration: row['duration'] === null ? undefined : Number(row['duration']),
    consequence: row['consequence'] === 1,
  }
}
