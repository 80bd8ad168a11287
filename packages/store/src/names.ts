import { formatReference, parseDescriptor, parseReference } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import type { State } from '@gantry/state'

/** A name of local content. */
export interface StoredName {
  /** In full: `docker.io/library/alpine:latest`, `localhost/app:1`. */
  readonly name: string
  readonly descriptor: Descriptor
  /** When it was given to this content, in milliseconds since 1970. */
  readonly created: number
}

/** The names, in the database. A change is on the disk when the method returns. */
export class Names {
  readonly #state: State
  /** What was read last, and at which count of changes. */
  #listed: { readonly generation: number; readonly names: readonly StoredName[] } | undefined

  constructor(state: State) {
    this.#state = state
  }

  get(name: string): Descriptor | undefined {
    const row = this.#state.prepare('SELECT descriptor FROM store_names WHERE name = ?').get(fullName(name))
    return row === undefined ? undefined : readDescriptor(row['descriptor'])
  }

  /**
   * Gives the name to the content; `check` runs in the same transaction and may refuse. A name that stands for it already, as after a
   * build that changed nothing, is on the disk as it is. Answers whether something changed.
   */
  set(name: string, descriptor: Descriptor, check: () => void): boolean {
    const full = fullName(name)
    const text = JSON.stringify(descriptor)
    const there = this.#state.prepare('SELECT descriptor FROM store_names WHERE name = ?').get(full)
    if (there?.['descriptor'] === text) {
      check()
      return false
    }
    this.#change(() => {
      check()
      this.#state
        .prepare(
          `INSERT INTO store_names (name, descriptor, digest, created) VALUES (?, ?, ?, ?)
           ON CONFLICT (name) DO UPDATE SET descriptor = excluded.descriptor, digest = excluded.digest,
             created = CASE WHEN digest = excluded.digest THEN created ELSE excluded.created END`,
        )
        .run(full, text, descriptor.digest, Date.now())
    })
    return true
  }

  /** Takes the name away, with `expected` only from that content; false when there was none. */
  remove(name: string, expected?: Digest): boolean {
    return this.#change(() => {
      const { changes } = this.#state
        .prepare('DELETE FROM store_names WHERE name = ? AND digest = coalesce(?, digest)')
        .run(fullName(name), expected ?? null)
      return changes > 0
    })
  }

  /** All of them, in order. The same list while none changes, in whichever process. */
  list(): readonly StoredName[] {
    // Read first: what changes in between is read again the next time. What a transaction may still take back is not kept.
    const generation = Number(this.#state.prepare('SELECT names FROM store_generation').get()?.['names'])
    if (this.#listed?.generation === generation) return this.#listed.names
    const names = this.#read()
    if (!this.#state.db.isTransaction) this.#listed = { generation, names }
    return names
  }

  #read(): readonly StoredName[] {
    return this.#state
      .prepare('SELECT name, descriptor, created FROM store_names ORDER BY name')
      .all()
      .map((row) => ({
        name: String(row['name']),
        descriptor: readDescriptor(row['descriptor']),
        created: Number(row['created']),
      }))
  }

  #change<T>(work: () => T): T {
    return this.#state.transaction(
      () => {
        this.#state.prepare('UPDATE store_generation SET names = names + 1, roots = roots + 1').run()
        return work()
      },
      { durable: true },
    )
  }
}

function fullName(name: string): string {
  return formatReference(parseReference(name))
}

function readDescriptor(text: unknown): Descriptor {
  return parseDescriptor(JSON.parse(String(text)))
}
