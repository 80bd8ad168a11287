import type { State } from '@gantry/state'

/** How far the checking of blobs has come. */
export interface ScrubPosition {
  /** The last digest that was checked; empty before the first. */
  readonly position: string
  /** When the round began, in milliseconds; 0 when there was none. */
  readonly started: number
  /** When a round last came to its end, in milliseconds. */
  readonly completed?: number
}

/** Reads how far the checking of blobs has come. */
export function readScrubPosition(state: State): ScrubPosition {
  const row = state.prepare('SELECT position, started, completed FROM registry_scrub').get()
  const completed = row?.['completed']
  return {
    position: String(row?.['position'] ?? ''),
    started: Number(row?.['started'] ?? 0),
    ...(typeof completed === 'number' ? { completed } : {}),
  }
}

/** Writes it down. */
export function writeScrubPosition(state: State, { position, started, completed }: ScrubPosition): void {
  const sql = 'UPDATE registry_scrub SET position = ?, started = ?, completed = coalesce(?, completed)'
  state.transaction(() => state.prepare(sql).run(position, started, completed ?? null))
}
