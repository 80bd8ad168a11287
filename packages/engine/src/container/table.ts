import type { State } from '@gantry/state'
import { EngineError } from '../engine-error.ts'
import { isIdPrefix } from './identity.ts'
import type { ContainerRecord, ImageOfContainer, Progress } from './record.ts'
import type { ContainerSpec } from './spec.ts'
import type { Status } from './status.ts'

/** What of a container changes. */
export interface RecordChange {
  readonly name?: string
  readonly status?: Status
  readonly spec?: ContainerSpec
  readonly progress?: Partial<Progress>
}

/** All containers: in memory for reading, written through to the database. One daemon is its only writer. */
export class ContainerTable {
  readonly #state: State
  readonly #byId = new Map<string, ContainerRecord>()
  readonly #byName = new Map<string, string>()

  /** Reads the table. */
  constructor(state: State) {
    this.#state = state
    for (const row of state.prepare('SELECT * FROM engine_containers ORDER BY created').all()) {
      const record = recordOf(row)
      this.#byId.set(record.id, record)
      this.#byName.set(record.name, record.id)
    }
  }

  /** Newest last. */
  all(): readonly ContainerRecord[] {
    return [...this.#byId.values()]
  }

  /** The container of a full id. */
  get(id: string): ContainerRecord | undefined {
    return this.#byId.get(id)
  }

  /** Whether a name is taken, by a container or by one that is being made. */
  nameTaken(name: string): boolean {
    return this.#byName.has(name)
  }

  /** Finds by id, by name (with or without a leading slash), or by the beginning of an id, in this order.
   * @throws EngineError CONTAINER_UNKNOWN, CONTAINER_AMBIGUOUS */
  find(text: string): ContainerRecord {
    const exact = this.#byId.get(text) ?? this.#named(text.startsWith('/') ? text.slice(1) : text)
    if (exact !== undefined) return exact
    if (isIdPrefix(text)) {
      const matches = this.all().filter((record) => record.id.startsWith(text))
      if (matches.length > 1)
        throw new EngineError('CONTAINER_AMBIGUOUS', `multiple IDs found with provided prefix: ${text}`)
      if (matches[0] !== undefined) return matches[0]
    }
    throw new EngineError('CONTAINER_UNKNOWN', `No such container: ${text}`)
  }

  /** Keeps a name for a container that is being made. @throws EngineError NAME_TAKEN */
  reserve(name: string, id: string): void {
    const owner = this.#byName.get(name)
    if (owner !== undefined)
      throw new EngineError(
        'NAME_TAKEN',
        `Conflict. The container name "/${name}" is already in use by container "${owner}". ` +
          'You have to remove (or rename) that container to be able to reuse that name.',
      )
    this.#byName.set(name, id)
  }

  /** Gives a reserved name up. */
  release(name: string, id: string): void {
    if (this.#byName.get(name) === id) this.#byName.delete(name)
  }

  /** Adds a container whose name is reserved. */
  insert(record: ContainerRecord): void {
    const { id, name, image, created, status, spec, progress } = record
    this.#state
      .prepare(
        'INSERT INTO engine_containers (id, name, image, created, status, origin, progress) VALUES (?,?,?,?,?,?,?)',
      )
      .run(id, name, image.id, created, status, JSON.stringify({ image, spec }), JSON.stringify(progress))
    this.#byId.set(id, record)
    this.#byName.set(name, id)
  }

  /** Changes a container. @throws EngineError CONTAINER_UNKNOWN, NAME_TAKEN */
  update(id: string, change: RecordChange): ContainerRecord {
    const before = this.#byId.get(id)
    if (before === undefined) throw new EngineError('CONTAINER_UNKNOWN', `No such container: ${id}`)
    const { name = before.name, status = before.status, spec = before.spec } = change
    const record = { ...before, name, status, spec, progress: { ...before.progress, ...change.progress } }
    if (name !== before.name) this.reserve(name, id)
    this.#state
      .prepare('UPDATE engine_containers SET name = ?, status = ?, progress = ? WHERE id = ?')
      .run(name, status, JSON.stringify(record.progress), id)
    if (spec !== before.spec)
      this.#state
        .prepare('UPDATE engine_containers SET origin = ? WHERE id = ?')
        .run(JSON.stringify({ image: record.image, spec }), id)
    if (name !== before.name) this.#byName.delete(before.name)
    this.#byId.set(id, record)
    return record
  }

  /** Removes a container from the table. Idempotent. */
  delete(id: string): void {
    this.#state.prepare('DELETE FROM engine_containers WHERE id = ?').run(id)
    const record = this.#byId.get(id)
    if (record !== undefined) this.release(record.name, id)
    this.#byId.delete(id)
  }

  #named(name: string): ContainerRecord | undefined {
    const id = this.#byName.get(name)
    return id === undefined ? undefined : this.#byId.get(id)
  }
}

function recordOf(row: Record<string, unknown>): ContainerRecord {
  const origin = JSON.parse(row['origin'] as string) as { image: ImageOfContainer; spec: ContainerSpec }
  return {
    id: row['id'] as string,
    name: row['name'] as string,
    created: row['created'] as number,
    status: row['status'] as Status,
    ...origin,
    progress: JSON.parse(row['progress'] as string) as Progress,
  }
}
