import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { isCurrent, migrate } from './migrations.ts'
import type { Migrations } from './migrations.ts'
import { LogSync } from './log-sync.ts'
import { isBusy, translateError } from './sqlite-errors.ts'
import { StateError } from './state-error.ts'
import type { State, TransactionOptions } from './state.ts'

/** How the database is opened. */
export interface OpenStateOptions {
  /** Never write: nothing is created or migrated, and an older schema is refused. Default: false. */
  readonly readOnly?: boolean
}

const busyTimeout = 5000

/**
 * Opens the state database, creates it (mode 0600, with its directory) when it is not there, and migrates the schemas given.
 * Any number of processes may have it open; writers wait for each other up to 5 s. Write-ahead log, `synchronous=NORMAL`,
 * foreign keys enforced. The path `:memory:` gives one that is this process's alone and ends with it, for tests.
 *
 * @throws StateError STATE_TOO_NEW, STATE_TOO_OLD (read-only), STATE_DAMAGED, STATE_BUSY, STATE_UNAVAILABLE, MIGRATION_FAILED
 */
export function openState(path: string, migrations: readonly Migrations[], options: OpenStateOptions = {}): State {
  const readOnly = options.readOnly ?? false
  let db: DatabaseSync | undefined
  try {
    const inFile = !readOnly && path !== ':memory:'
    if (inFile) createFile(path)
    db = new DatabaseSync(path, { timeout: busyTimeout, readOnly })
    if (inFile) useWriteAheadLog(db)
    // The log is copied into the database on the way of a commit: seldom, since a page that changed often is copied once then.
    db.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000')
    if (!readOnly) migrate(db, migrations, path)
    else if (!isCurrent(db, migrations, path)) {
      throw new StateError('STATE_TOO_OLD', `Cannot read ${JSON.stringify(path)}: an older gantry wrote it`, {
        hint: 'run any gantry command as its owner once, which migrates it',
      })
    }
    return new OpenState(db, path)
  } catch (error) {
    db?.close()
    throw translateError(error, path)
  }
}

function createFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
    // Only ever creates: closing a descriptor of a database that this process has open would drop SQLite's POSIX locks.
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return
    const detail = error instanceof Error ? error.message : String(error)
    throw new StateError('STATE_UNAVAILABLE', `Cannot create the database ${JSON.stringify(path)}: ${detail}`, {
      cause: error,
      hint: 'run as a user who may write there, or set GANTRY_ROOT to a directory of your own',
    })
  }
}

/** SQLite does not call its busy handler when the journal mode changes, so two processes that create at once need this. */
function useWriteAheadLog(db: DatabaseSync): void {
  const deadline = Date.now() + busyTimeout
  for (;;) {
    try {
      if (db.prepare('PRAGMA journal_mode').get()?.['journal_mode'] === 'wal') return
      db.exec('PRAGMA journal_mode = WAL')
    } catch (error) {
      if (!isBusy(error) || Date.now() > deadline) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}

class OpenState implements State {
  readonly db: DatabaseSync
  readonly #path: string
  readonly #log: LogSync | undefined
  readonly #statements = new Map<string, StatementSync>()
  #depth = 0
  #durable = false

  constructor(db: DatabaseSync, path: string) {
    this.db = db
    this.#path = path
    this.#log = path === ':memory:' ? undefined : new LogSync(`${path}-wal`)
  }

  transaction<T>(work: () => T, options: TransactionOptions = {}): T {
    const outermost = this.#depth === 0
    if (outermost) this.#durable = false
    try {
      return outermost ? this.#outer(work, options.durable ?? false) : this.#inner(work, options.durable ?? false)
    } catch (error) {
      throw translateError(error, this.#path)
    }
  }

  async sync(): Promise<void> {
    try {
      await this.#log?.sync()
    } catch (error) {
      throw translateError(error, this.#path)
    }
  }

  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  [Symbol.dispose](): void {
    this.#statements.clear()
    this.#log?.close()
    if (this.db.isOpen) this.db.close()
  }

  #outer<T>(work: () => T, durable: boolean): T {
    if (durable) this.db.exec('PRAGMA synchronous = FULL')
    try {
      const result = this.#attempt('BEGIN IMMEDIATE', work, 'COMMIT', 'ROLLBACK')
      // The level cannot change inside a transaction: a later commit that is synced syncs this one too.
      if (this.#durable && !durable) this.#barrier()
      return result
    } finally {
      if (durable) this.db.exec('PRAGMA synchronous = NORMAL')
    }
  }

  #inner<T>(work: () => T, durable: boolean): T {
    const name = `level${this.#depth}`
    const result = this.#attempt(`SAVEPOINT ${name}`, work, `RELEASE ${name}`, `ROLLBACK TO ${name}; RELEASE ${name}`)
    if (durable) this.#durable = true
    return result
  }

  #attempt<T>(begin: string, work: () => T, end: string, undo: string): T {
    this.db.exec(begin)
    this.#depth += 1
    try {
      const result = work()
      refusePromise(result)
      this.db.exec(end)
      return result
    } catch (error) {
      // After a full disk SQLite may have rolled back by itself.
      if (this.db.isTransaction) this.db.exec(undo)
      throw error
    } finally {
      this.#depth -= 1
    }
  }

  #barrier(): void {
    this.db.exec('PRAGMA synchronous = FULL')
    try {
      this.prepare('UPDATE state_barrier SET count = count + 1').run()
    } finally {
      this.db.exec('PRAGMA synchronous = NORMAL')
    }
  }
}

function refusePromise(result: unknown): void {
  if (typeof result !== 'object' || result === null || !('then' in result) || typeof result.then !== 'function') return
  // It is refused here; that it may also reject later is nobody's concern any more.
  result.then(undefined, () => undefined)
  throw new StateError('TRANSACTION_ASYNC', 'Cannot commit: the work of a transaction returned a promise', {
    hint: 'await before or after the transaction, never inside',
  })
}
