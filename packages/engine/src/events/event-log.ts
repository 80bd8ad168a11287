import type { State } from '@gantry/state'
import type { Clock } from '../clock.ts'
import type { EngineEvent, NewEvent } from './event.ts'

/** Which events to read. Times are milliseconds since the epoch. */
export interface EventQuery {
  /** Recorded ones from here on come first; without it only what happens from now on. */
  readonly since?: number
  /** Ends at this time; without it the stream ends by its signal. */
  readonly until?: number
  readonly signal?: AbortSignal
}

const kept = 20_000
const backlog = 10_000

interface Watcher {
  readonly queue: EngineEvent[]
  wake: () => void
}

/** Events, recorded in the database (the last 20,000) and passed to whoever watches, in order. */
export class EventLog {
  readonly #state: State
  readonly #clock: Clock
  readonly #watchers = new Set<Watcher>()
  #writes = 0

  constructor(state: State, clock: Clock) {
    this.#state = state
    this.#clock = clock
  }

  /** How many watch now. */
  get watchers(): number {
    return this.#watchers.size
  }

  /** Records an event and passes it on. */
  emit(event: NewEvent): void {
    const complete: EngineEvent = { ...event, time: this.#clock.now() }
    const { lastInsertRowid } = this.#state
      .prepare('INSERT INTO engine_events (time, event) VALUES (?, ?)')
      .run(complete.time, JSON.stringify(event))
    if (++this.#writes % 1000 === 0)
      this.#state.prepare('DELETE FROM engine_events WHERE sequence <= ?').run(Number(lastInsertRowid) - kept)
    for (const watcher of this.#watchers) {
      // A watcher that does not read must not eat the memory: the oldest go.
      if (watcher.queue.length >= backlog) watcher.queue.shift()
      watcher.queue.push(complete)
      watcher.wake()
    }
  }

  /** Recorded and coming events. It listens from the call on, not from the first read. */
  watch(query: EventQuery = {}): AsyncIterable<EngineEvent> {
    const { since, until, signal } = query
    const past = since === undefined ? [] : this.#recorded(since, until)
    if (until !== undefined && until <= this.#clock.now()) return fromArray(past)
    const watcher: Watcher = { queue: past, wake: () => undefined }
    this.#watchers.add(watcher)
    return this.#follow(watcher, until, signal)
  }

  #recorded(since: number, until: number | undefined): EngineEvent[] {
    return this.#state
      .prepare('SELECT time, event FROM engine_events WHERE time >= ? AND time <= ? ORDER BY sequence')
      .all(since, until ?? Number.MAX_VALUE)
      .map((row) => ({ ...(JSON.parse(row['event'] as string) as NewEvent), time: row['time'] as number }))
  }

  async *#follow(watcher: Watcher, until?: number, signal?: AbortSignal): AsyncGenerator<EngineEvent, void, undefined> {
    const ended = new AbortController()
    const end = (): void => {
      ended.abort()
      watcher.wake()
    }
    signal?.addEventListener('abort', end, { once: true })
    if (until !== undefined)
      this.#clock.sleep(Math.max(0, until - this.#clock.now()), ended.signal).then(end, () => undefined)
    try {
      for (;;) {
        for (let event = watcher.queue.shift(); event !== undefined; event = watcher.queue.shift()) yield event
        if (ended.signal.aborted) return
        await new Promise<void>((resolve) => {
          watcher.wake = resolve
          if (watcher.queue.length > 0 || ended.signal.aborted) resolve()
        })
      }
    } finally {
      ended.abort()
      signal?.removeEventListener('abort', end)
      this.#watchers.delete(watcher)
    }
  }
}

async function* fromArray(events: readonly EngineEvent[]): AsyncGenerator<EngineEvent, void, undefined> {
  yield* events
}
