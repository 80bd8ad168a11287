import type { EventMessage } from '@gantry/client'

/** Seconds for which what was seen is remembered: a new connection begins that long before the last event. */
const overlap = 2

/** Where a reader of events is. What comes again after a new connection is left out. */
export class EventCursor {
  /** The events of the last seconds, by their text. */
  #seen = new Map<string, number>()
  #last: number

  /** `began` is when the reader began, in seconds since the epoch. */
  constructor(began: number) {
    this.#last = began
  }

  /** Where a new connection goes on, in seconds since the epoch. */
  get since(): string {
    return (this.#last - overlap).toFixed(3)
  }

  /** Whether an event has not been seen before. */
  take(event: EventMessage): boolean {
    const text = JSON.stringify(event)
    if (this.#seen.has(text)) return false
    this.#last = Math.max(this.#last, event.time)
    this.#seen.set(text, event.time)
    // Those that a new connection brings, and no more.
    for (const [other, time] of this.#seen) {
      if (time >= this.#last - overlap - 1) break
      this.#seen.delete(other)
    }
    return true
  }
}
