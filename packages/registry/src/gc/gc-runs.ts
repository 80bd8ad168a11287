import type { State } from '@gantry/state'
import type { RegistryGarbage } from './collect-registry-garbage.ts'

/** A collection that was done. */
export interface GcRun extends RegistryGarbage {
  /** In milliseconds. */
  readonly started: number
}

/** How many are remembered one by one; the sums are of all. */
const kept = 100

/** Remembers a collection, whichever process did it. */
export function recordRun(state: State, run: GcRun): void {
  const { started, took, blobs, bytes, uploads, links } = run
  state.transaction(() => {
    const { lastInsertRowid } = state
      .prepare('INSERT INTO registry_gc_runs (started, took, blobs, bytes, uploads, links) VALUES (?, ?, ?, ?, ?, ?)')
      .run(started, took, blobs, bytes, uploads, links)
    state.prepare('DELETE FROM registry_gc_runs WHERE id <= ?').run(Number(lastInsertRowid) - kept)
    state
      .prepare('UPDATE registry_gc_totals SET runs = runs + 1, blobs = blobs + ?, bytes = bytes + ?, took = took + ?')
      .run(blobs, bytes, took)
  })
}

/** The last collections, the latest first. */
export function lastRuns(state: State, limit: number = kept): readonly GcRun[] {
  return state
    .prepare('SELECT * FROM registry_gc_runs ORDER BY id DESC LIMIT ?')
    .all(limit)
    .map((row) => ({
      started: Number(row['started']),
      took: Number(row['took']),
      blobs: Number(row['blobs']),
      bytes: Number(row['bytes']),
      uploads: Number(row['uploads']),
      links: Number(row['links']),
    }))
}

/** The sums over all collections there ever were. */
export function gcTotals(state: State): { runs: number; blobs: number; bytes: number; took: number } {
  const row = state.prepare('SELECT * FROM registry_gc_totals').get()
  return {
    runs: Number(row?.['runs']),
    blobs: Number(row?.['blobs']),
    bytes: Number(row?.['bytes']),
    took: Number(row?.['took']),
  }
}
