import { isDigest } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'

/** What content commands did. */
export type StoreEventKind =
  | 'pull'
  | 'push'
  | 'tag'
  | 'untag'
  | 'delete'
  | 'import'
  | 'load'
  | 'save'
  | 'build'
  | 'prune'

/** Something that happened to an image, recorded by whichever process did it. */
export interface StoreEvent {
  /** Grows with every event of this root. */
  readonly id: number
  /** In milliseconds since 1970. */
  readonly time: number
  readonly kind: StoreEventKind
  /** The full name it was about. */
  readonly name?: string
  readonly digest?: Digest
  readonly attributes: Readonly<Record<string, string>>
}

/** Which events are read. */
export interface EventFilter {
  /** Only those with a greater `id`. */
  readonly after?: number
  /** Only those at this time or later, in milliseconds. */
  readonly since?: number
  /** Only those before this time, in milliseconds. */
  readonly until?: number
}

/** An event before it is recorded. */
export type NewStoreEvent = Pick<StoreEvent, 'kind' | 'name' | 'digest'> & Partial<Pick<StoreEvent, 'attributes'>>

/** How many are kept. */
const kept = 10_000

/** Records an event; the oldest beyond ten thousand are dropped. */
export function recordEvent(state: State, event: NewStoreEvent): StoreEvent {
  const { kind, name, digest, attributes = {} } = event
  const time = Date.now()
  const id = state.transaction(() => {
    const { lastInsertRowid } = state
      .prepare('INSERT INTO store_events (time, kind, name, digest, attributes) VALUES (?, ?, ?, ?, ?)')
      .run(time, kind, name ?? null, digest ?? null, JSON.stringify(attributes))
    state.prepare('DELETE FROM store_events WHERE id <= ?').run(Number(lastInsertRowid) - kept)
    return Number(lastInsertRowid)
  })
  return { id, time, ...event, attributes }
}

/** Reads events, oldest first. */
export function readEvents(state: State, filter: EventFilter = {}): readonly StoreEvent[] {
  const rows = state
    .prepare('SELECT * FROM store_events WHERE id > ? AND time >= ? AND time < ? ORDER BY id')
    .all(filter.after ?? 0, filter.since ?? 0, filter.until ?? Number.MAX_SAFE_INTEGER)
  return rows.map((row) => {
    const digest = String(row['digest'])
    return {
      id: Number(row['id']),
      time: Number(row['time']),
      kind: String(row['kind']) as StoreEventKind,
      ...(row['name'] === null ? {} : { name: String(row['name']) }),
      ...(isDigest(digest) ? { digest } : {}),
      attributes: JSON.parse(String(row['attributes'])) as Readonly<Record<string, string>>,
    }
  })
}
