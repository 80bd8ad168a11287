import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** How a transaction is committed. */
export interface TransactionOptions {
  /**
   * Whether the commit survives a loss of power (it is synced to the disk before `transaction` returns). Without it a commit
   * survives the death of every process, not of the machine. Asked for in a nested transaction, it holds for the outermost.
   */
  readonly durable?: boolean
}

/** The open state database. Packages use the tables with their own prefix, and no others. Disposing of it closes it. */
export interface State extends Disposable {
  /** The connection, for what the two methods do not cover (iteration, functions). Never close it. */
  readonly db: DatabaseSync

  /**
   * Runs `work` in one transaction that holds the write lock from its start, and commits. If `work` throws, everything it did
   * is rolled back and the error is thrown on. Nests: an inner transaction that throws rolls back its own part only.
   *
   * `work` is synchronous: there is no `await` inside a transaction, since other code of this process would run in it.
   *
   * @throws StateError STATE_BUSY when another process held the lock for over 5 s, STATE_FULL, STATE_DAMAGED
   * @throws StateError TRANSACTION_ASYNC when `work` returns a promise; it is rolled back
   */
  transaction<T>(work: () => T, options?: TransactionOptions): T

  /**
   * Resolves when everything that was committed before the call survives a loss of power: what `durable` does, for many commits
   * at once and without holding up the event loop.
   *
   * @throws StateError STATE_FULL, STATE_DAMAGED
   */
  sync(): Promise<void>

  /**
   * The prepared statement for a text; prepared once. The same text gives the same statement, so a result that is iterated
   * must be read to its end before the text is used again (`get`, `all` and `run` always are).
   */
  prepare(sql: string): StatementSync
}
