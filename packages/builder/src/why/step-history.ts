import { hash } from 'node:crypto'
import type { State } from '@gantry/state'
import type { StepKey } from '../cache/step-key.ts'
import { compareOutlines } from './compare-outlines.ts'
import { decodeOutline, encodeOutline, outlineOf, type StepOutline } from './outline.ts'
import type { StepChange } from './step-reason.ts'

/** Where a step stands: what tells it from the others of a build, and finds it in the next build. */
export interface StepPlace {
  /** What is built: the context and the Dockerfile. */
  readonly project: string
  /** The stage with its platform. */
  readonly stage: string
  /** The position in the stage. */
  readonly position: number
  /** The instruction as it is written. */
  readonly written: string
  /** How many steps of the stage before it are written the same. */
  readonly occurrence: number
}

/** How a step differs from what it was when it was last built. */
export interface StepComparison {
  /** No build before had such a step. */
  readonly isNew: boolean
  readonly changes: readonly StepChange[]
}

/** What steps were made of when they were last built, in the tables `builder_outlines` and `builder_places`. */
export class StepHistory {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  /**
   * Compares a step with the same one of an earlier build: the one with the same text at the same place, else what stood there, else any
   * with that text. To be asked before `note`.
   */
  compare(place: StepPlace, key: StepKey): StepComparison {
    const before = this.#before(place, key)
    return before === undefined
      ? { isNew: true, changes: [] }
      : { isNew: false, changes: compareOutlines(before, outlineOf(key)) }
  }

  /** Remembers what a step is made of now. A step that is as it was costs two look-ups. */
  note(place: StepPlace, key: StepKey): void {
    const ids = placesOf(place, key)
    const isKnown = this.#keyAt(ids[0]) === key.key && this.#keyAt(ids[1]) === key.key
    if (isKnown && this.#has(key.key)) return
    const outline = encodeOutline(outlineOf(key))
    const now = Date.now()
    this.#state.transaction(() => {
      this.#state
        .prepare('INSERT OR IGNORE INTO builder_outlines (key, kind, written, outline, made) VALUES (?, ?, ?, ?, ?)')
        .run(key.key, key.kind, place.written.slice(0, 1024), outline, now)
      const put = this.#state.prepare(
        `INSERT INTO builder_places (place, key, used) VALUES (?, ?, ?)
         ON CONFLICT (place) DO UPDATE SET key = excluded.key, used = excluded.used`,
      )
      for (const id of ids) {
        const before = this.#keyAt(id)
        put.run(id, key.key, now)
        if (before !== undefined && before !== key.key) this.#forget(before)
      }
    })
  }

  /** Outlines are for comparing with the last build only: one that stands nowhere any more goes. */
  #forget(key: string): void {
    this.#state
      .prepare('DELETE FROM builder_outlines WHERE key = ? AND NOT EXISTS (SELECT 1 FROM builder_places WHERE key = ?)')
      .run(key, key)
  }

  #before(place: StepPlace, key: StepKey): StepOutline | undefined {
    for (const id of placesOf(place, key)) {
      const found = this.#keyAt(id)
      const outline = found === undefined ? undefined : this.#read(found)
      if (outline !== undefined) return outline
    }
    const row = this.#state
      .prepare('SELECT outline FROM builder_outlines WHERE kind = ? AND written = ? ORDER BY made DESC LIMIT 1')
      .get(key.kind, place.written.slice(0, 1024))
    return outlineIn(row)
  }

  #keyAt(id: string): string | undefined {
    const found = this.#state.prepare('SELECT key FROM builder_places WHERE place = ?').get(id)?.['key']
    return typeof found === 'string' ? found : undefined
  }

  #has(key: string): boolean {
    return this.#state.prepare('SELECT 1 FROM builder_outlines WHERE key = ?').get(key) !== undefined
  }

  #read(key: string): StepOutline | undefined {
    return outlineIn(this.#state.prepare('SELECT outline FROM builder_outlines WHERE key = ?').get(key))
  }
}

function outlineIn(row: Readonly<Record<string, unknown>> | undefined): StepOutline | undefined {
  const bytes = row?.['outline']
  return bytes instanceof Uint8Array ? decodeOutline(bytes) : undefined
}

/** The names of a place: with the text, so that steps which were moved are found, and with the position, so that changed ones are. */
function placesOf(
  { project, stage, position, written, occurrence }: StepPlace,
  { kind }: StepKey,
): readonly [string, string] {
  const id = (...parts: readonly unknown[]): string =>
    hash('sha256', JSON.stringify([project, stage, kind, ...parts]), 'hex')
  return [id('text', written, occurrence), id('position', position)]
}
