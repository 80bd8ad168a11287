import { uptime } from 'node:os'
import type { State } from '@gantry/state'
import { bootId } from './holder.ts'

/** Where the time is taken from. */
export interface TimeSources {
  /** The machine's clock, in milliseconds since the epoch. */
  readonly wall: () => number
  /** Milliseconds since the machine was started, what it slept included. */
  readonly uptime: () => number
  /** Tells the time since the machine was started from every other such time. */
  readonly boot: () => string
}

/** What clocks are put right by in passing, and what the two sources differ by. */
const margin = 600_000

/**
 * The time that ages are reckoned by, before something is removed for its age. When the machine's clock was set ahead since the machine
 * was started, or rather since the first process opened the content store after that, what was put before must not look old: this
 * clock goes on without that. What was put afterwards has the time of the clock as it was set, and is kept for longer.
 */
export class AgeClock {
  readonly #state: State
  readonly #sources: TimeSources

  constructor(state: State, sources: Partial<TimeSources> = {}) {
    this.#state = state
    this.#sources = { wall: Date.now, uptime: () => uptime() * 1000, boot: bootId, ...sources }
  }

  /** Remembers when the machine was started, by its clock. Done by whoever opens the content store. */
  observe(): void {
    const { wall, uptime: up, boot } = this.#sources
    const started = Math.round(wall() - up())
    const known = this.#started()
    // A clock that was set back was wrong before.
    if (known !== undefined && started > known - margin) return
    this.#state.transaction(() => {
      this.#state
        .prepare('INSERT OR REPLACE INTO store_clock (id, boot, started) VALUES (0, ?, ?)')
        .run(boot(), started)
    })
  }

  /** Milliseconds since the epoch: of the machine's clock, unless that was set ahead by ten minutes or more. */
  now(): number {
    return this.#sources.wall() - this.ahead()
  }

  /** By how much the machine's clock was set ahead, in milliseconds; 0 for less than ten minutes. */
  ahead(): number {
    const { wall, uptime: up } = this.#sources
    const known = this.#started()
    const ahead = known === undefined ? 0 : Math.round(wall() - up()) - known
    return ahead < margin ? 0 : ahead
  }

  #started(): number | undefined {
    const row = this.#state.prepare('SELECT boot, started FROM store_clock').get()
    return row?.['boot'] === this.#sources.boot() ? Number(row['started']) : undefined
  }
}
