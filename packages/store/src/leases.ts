import type { Digest } from '@gantry/oci'
import { StateError } from '@gantry/state'
import type { State } from '@gantry/state'
import { isHolder, isHolderAlive } from './holder.ts'
import type { Holder } from './holder.ts'

/**
 * Keeps content from being collected while somebody works with it. It ends when it is disposed of, or when its holder dies; one
 * of whom it cannot be told whether they live ends when it is not renewed any more, which it is by itself.
 */
export interface Lease extends AsyncDisposable {
  /** Protects one more; also everything its manifest leads to. */
  add(digest: Digest): void
}

/** How long a lease holds. */
export interface LeaseOptions {
  /** In milliseconds; it is renewed well before. Default: ten minutes. */
  readonly ttl?: number
}

const defaultTtl = 600_000
/** The kernel gives files the time of its last tick, which may be before the time that this process reads. */
const clockMargin = 1000

/** Leases and pins: what keeps content beside names. */
export class Leases {
  readonly #state: State
  readonly #holder: Holder

  constructor(state: State, holder: Holder) {
    this.#state = state
    this.#holder = holder
  }

  /** Protects these digests; `new` protects all that is put, or found to be there by `put` and `has`, from now on. */
  lease(what: readonly Digest[] | 'new', options: LeaseOptions = {}): Lease {
    const state = this.#state
    const ttl = options.ttl ?? defaultTtl
    const id = state.transaction(() => {
      const { lastInsertRowid } = state
        .prepare('INSERT INTO store_leases (holder, expires, since) VALUES (?, ?, ?)')
        .run(this.#holder, Date.now() + ttl, what === 'new' ? Date.now() - clockMargin : null)
      if (what !== 'new') for (const digest of what) addDigest(state, lastInsertRowid, digest)
      bumpRoots(state)
      return lastInsertRowid
    })
    const renewal = setInterval(() => {
      attempt(state, 'UPDATE store_leases SET expires = ? WHERE id = ?', [Date.now() + ttl, id])
    }, ttl / 3)
    renewal.unref()
    return {
      add: (digest) =>
        state.transaction(() => {
          addDigest(state, id, digest)
          bumpRoots(state)
        }),
      async [Symbol.asyncDispose]() {
        clearInterval(renewal)
        attempt(state, 'DELETE FROM store_leases WHERE id = ?', [id])
      },
    }
  }

  /** Keeps content, and what its manifest leads to, for an owner until it is unpinned. Idempotent. */
  pin(owner: string, digest: Digest): void {
    this.#state.transaction(() => {
      this.#state.prepare('INSERT OR IGNORE INTO store_pins (owner, digest) VALUES (?, ?)').run(owner, digest)
      bumpRoots(this.#state)
    })
  }

  /** Gives up one pin of an owner, or all of them. Idempotent. */
  unpin(owner: string, digest?: Digest): void {
    this.#state.transaction(() => {
      if (digest === undefined) this.#state.prepare('DELETE FROM store_pins WHERE owner = ?').run(owner)
      else this.#state.prepare('DELETE FROM store_pins WHERE owner = ? AND digest = ?').run(owner, digest)
    })
  }

  /** Who pins the content. */
  pinnedBy(digest: Digest): readonly string[] {
    const rows = this.#state.prepare('SELECT owner FROM store_pins WHERE digest = ? ORDER BY owner').all(digest)
    return rows.map((row) => String(row['owner']))
  }

  /** Forgets the leases that no longer hold. */
  removeDead(): void {
    const rows = this.#state.prepare('SELECT id, holder, expires FROM store_leases').all()
    // Who lives renews its leases, whatever becomes of the clock that they expire by.
    const dead = rows.filter((row) => {
      const holder = String(row['holder'])
      return isHolder(holder) ? !isHolderAlive(holder) : Number(row['expires']) <= Date.now()
    })
    if (dead.length === 0) return
    this.#state.transaction(() => {
      for (const row of dead) this.#state.prepare('DELETE FROM store_leases WHERE id = ?').run(Number(row['id']))
    })
  }

  /** Since when everything new is protected, in milliseconds; `undefined` when it is not. */
  protectedSince(): number | undefined {
    const since = this.#state.prepare('SELECT min(since) AS since FROM store_leases').get()?.['since']
    return typeof since === 'number' ? since : undefined
  }
}

/**
 * Changes a lease where a failure (a full disk, a lock that is held for long) must neither hide the error that the lease ends
 * with nor end the process from a timer. A renewal comes again, and a lease that stays ends with its holder or its time.
 */
function attempt(state: State, sql: string, values: readonly (number | bigint)[]): void {
  try {
    if (state.db.isOpen) state.transaction(() => state.prepare(sql).run(...values))
  } catch (error) {
    if (!(error instanceof StateError)) throw error
  }
}

/** Tells a collection that is under way that there is more to keep. Inside the transaction that adds it. */
function bumpRoots(state: State): void {
  state.prepare('UPDATE store_generation SET roots = roots + 1').run()
}

function addDigest(state: State, lease: number | bigint, digest: Digest): void {
  state.prepare('INSERT OR IGNORE INTO store_lease_digests (lease, digest) VALUES (?, ?)').run(lease, digest)
}
