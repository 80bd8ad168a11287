import type { State } from '@gantry/state'

/** A message that waits for its endpoint. */
export interface Delivery {
  readonly id: number
  readonly endpoint: string
  /** The id of the event: the same for every attempt. */
  readonly event: string
  readonly kind: string
  readonly body: string
  /** How many attempts were begun, this one included. */
  readonly attempts: number
  /** When the event happened, in milliseconds. */
  readonly created: number
}

/** A message that was put aside, after too many attempts or because the endpoint does not want any. */
export interface DeadDelivery extends Delivery {
  /** When, in milliseconds. */
  readonly failed: number
  /** What came of the last attempt. */
  readonly error: string
}

/** How many messages that were put aside are kept for each endpoint. */
const keptDead = 1000

/** The messages to webhooks, in the database: they survive the process, and several processes share them. */
export class WebhookQueue {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  /** Puts a message at the end; false when `limit` are waiting already. */
  add(message: Omit<Delivery, 'id' | 'attempts'>, limit: number): boolean {
    const { endpoint, event, kind, body, created } = message
    return this.#state.transaction(() => {
      if (this.waiting(endpoint) >= limit) return false
      this.#state
        .prepare(
          `INSERT INTO registry_webhook_deliveries (endpoint, event, kind, body, created, due) VALUES (?, ?, ?, ?, ?, ?)`,
        )
        .run(endpoint, event, kind, body, created, created)
      return true
    })
  }

  waiting(endpoint: string): number {
    const sql = 'SELECT count(*) AS n FROM registry_webhook_deliveries WHERE endpoint = ? AND failed IS NULL'
    return Number(this.#state.prepare(sql).get(endpoint)?.['n'])
  }

  /** Takes a message that is due; until `retry` it is nobody else's. Should this process die, it is due again then. */
  claim(endpoint: string, times: { readonly now: number; readonly retry: number }): Delivery | undefined {
    const row = this.#state.transaction(() =>
      this.#state
        .prepare(
          `UPDATE registry_webhook_deliveries SET due = ?, attempts = attempts + 1 WHERE id = (
             SELECT id FROM registry_webhook_deliveries WHERE endpoint = ? AND failed IS NULL AND due <= ?
             ORDER BY due, id LIMIT 1)
           RETURNING *`,
        )
        .get(times.retry, endpoint, times.now),
    )
    return row === undefined ? undefined : deliveryOf(row)
  }

  /** When the next message to an endpoint is due; `undefined` when none waits. */
  nextDue(endpoint: string): number | undefined {
    const sql = 'SELECT min(due) AS due FROM registry_webhook_deliveries WHERE endpoint = ? AND failed IS NULL'
    const due = this.#state.prepare(sql).get(endpoint)?.['due']
    return typeof due === 'number' ? due : undefined
  }

  /** It arrived. */
  done(id: number): void {
    this.#state.transaction(() => this.#state.prepare('DELETE FROM registry_webhook_deliveries WHERE id = ?').run(id))
  }

  /** Brings forward what is due later than that: a clock that was far ahead has said when. */
  notLaterThan(due: number): void {
    const sql = 'UPDATE registry_webhook_deliveries SET due = ?1 WHERE failed IS NULL AND due > ?1'
    this.#state.transaction(() => this.#state.prepare(sql).run(due))
  }

  /** It did not, and is due again at a time. */
  retryAt(id: number, due: number, error: string): void {
    const sql = 'UPDATE registry_webhook_deliveries SET due = ?, error = ? WHERE id = ?'
    this.#state.transaction(() => this.#state.prepare(sql).run(due, error, id))
  }

  /** It is put aside. Of those the last thousand of an endpoint are kept. */
  putAside(delivery: Pick<Delivery, 'id' | 'endpoint'>, now: number, error: string): void {
    this.#state.transaction(() => {
      this.#state
        .prepare('UPDATE registry_webhook_deliveries SET failed = ?, error = ? WHERE id = ?')
        .run(now, error, delivery.id)
      this.#state
        .prepare(
          `DELETE FROM registry_webhook_deliveries WHERE id IN (
             SELECT id FROM registry_webhook_deliveries WHERE endpoint = ? AND failed IS NOT NULL
             ORDER BY id DESC LIMIT -1 OFFSET ?)`,
        )
        .run(delivery.endpoint, keptDead)
    })
  }

  /** What was put aside, oldest first. */
  dead(endpoint?: string): readonly DeadDelivery[] {
    return this.#state
      .prepare(
        `SELECT * FROM registry_webhook_deliveries WHERE failed IS NOT NULL AND (?1 IS NULL OR endpoint = ?1) ORDER BY id`,
      )
      .all(endpoint ?? null)
      .map((row) => ({ ...deliveryOf(row), failed: Number(row['failed']), error: String(row['error'] ?? '') }))
  }

  /** Lets what was put aside be tried again; gives how many. Without ids: all. */
  revive(now: number, ids?: readonly number[]): number {
    const sql = `UPDATE registry_webhook_deliveries SET failed = NULL, attempts = 0, due = ?1
                 WHERE failed IS NOT NULL AND (?2 IS NULL OR id = ?2)`
    return this.#state.transaction(() => {
      let count = 0
      for (const id of ids ?? [null]) count += Number(this.#state.prepare(sql).run(now, id).changes)
      return count
    })
  }

  /** Forgets what was put aside; gives how many. */
  forget(ids?: readonly number[]): number {
    const sql = 'DELETE FROM registry_webhook_deliveries WHERE failed IS NOT NULL AND (?1 IS NULL OR id = ?1)'
    return this.#state.transaction(() => {
      let count = 0
      for (const id of ids ?? [null]) count += Number(this.#state.prepare(sql).run(id).changes)
      return count
    })
  }
}

function deliveryOf(row: Readonly<Record<string, unknown>>): Delivery {
  return {
    id: Number(row['id']),
    endpoint: String(row['endpoint']),
    event: String(row['event']),
    kind: String(row['kind']),
    body: String(row['body']),
    attempts: Number(row['attempts']),
    created: Number(row['created']),
  }
}
