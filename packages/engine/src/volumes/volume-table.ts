import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { State } from '@gantry/state'
import type { Clock } from '../clock.ts'
import { isName, newId } from '../container/identity.ts'
import { EngineError } from '../engine-error.ts'

/** A place for data that outlives containers. */
export interface VolumeRecord {
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly created: number
  /** Made for one container without a name being given. */
  readonly anonymous: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, string>>
}

/** What to make. */
export interface VolumeRequest {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly options?: Readonly<Record<string, string>>
}

/** Volumes: rows in the database, directories under `<root>/volumes`. Nothing but `remove` ever deletes one. */
export class VolumeTable {
  readonly #state: State
  readonly #directory: string
  readonly #clock: Clock

  constructor({ state, root, clock }: { state: State; root: string; clock: Clock }) {
    this.#state = state
    this.#directory = join(root, 'volumes')
    this.#clock = clock
  }

  /** Makes a volume, or returns the one of that name. @throws EngineError VOLUME_INVALID */
  create(request: VolumeRequest = {}): VolumeRecord {
    const volume = this.record(request)
    this.directoryOf(volume.name)
    return volume
  }

  /** Notes a volume without making its directory yet, so that it can be part of a transaction. @throws EngineError VOLUME_INVALID */
  record({ name, labels = {}, options = {} }: VolumeRequest): VolumeRecord {
    if (name !== undefined && !isName(name))
      throw new EngineError(
        'VOLUME_INVALID',
        `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. ` +
          'If you intended to pass a host directory, use absolute path',
      )
    const existing = name === undefined ? undefined : this.get(name)
    if (existing !== undefined) return existing
    const volume = { name: name ?? newId(), created: this.#clock.now(), anonymous: name === undefined, labels, options }
    this.#state
      .prepare('INSERT INTO engine_volumes (name, created, anonymous, labels, options) VALUES (?,?,?,?,?)')
      .run(volume.name, volume.created, volume.anonymous ? 1 : 0, JSON.stringify(labels), JSON.stringify(options))
    return volume
  }

  /** Where a volume's data is; made where it is missing. */
  directoryOf(name: string): string {
    const path = this.path(name)
    mkdirSync(this.#directory, { recursive: true, mode: closed })
    mkdirSync(path, { recursive: true })
    return path
  }

  /** Where a volume's data is or will be. */
  path(name: string): string {
    return join(this.#directory, name, '_data')
  }

  /** The volume of a name. */
  get(name: string): VolumeRecord | undefined {
    const row = this.#state.prepare('SELECT * FROM engine_volumes WHERE name = ?').get(name)
    return row === undefined ? undefined : volumeOf(row)
  }

  /** The volume of a name. @throws EngineError VOLUME_UNKNOWN */
  find(name: string): VolumeRecord {
    const volume = this.get(name)
    if (volume === undefined) throw new EngineError('VOLUME_UNKNOWN', `get ${name}: no such volume`)
    return volume
  }

  /** By name. */
  all(): readonly VolumeRecord[] {
    return this.#state.prepare('SELECT * FROM engine_volumes ORDER BY name').all().map(volumeOf)
  }

  /** Deletes a volume; its data is out of reach at once, and goes while others are served. The caller knows that nobody uses it. Idempotent. */
  remove(name: string): void {
    // No name begins so: what is here is nobody's.
    const doomed = join(this.#directory, `${doomedPrefix}${newId()}`)
    try {
      renameSync(join(this.#directory, name), doomed)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    this.#state.prepare('DELETE FROM engine_volumes WHERE name = ?').run(name)
    discard(doomed)
  }

  /** Deletes what a process that ended had begun to delete, and closes the directory to others, which it once was not. */
  sweep(): void {
    if (!existsSync(this.#directory)) return
    chmodSync(this.#directory, closed)
    for (const name of readdirSync(this.#directory)) {
      if (name.startsWith(doomedPrefix)) discard(join(this.#directory, name))
    }
  }
}

const doomedPrefix = '.removed-'

/** What containers put there may be set-user-ID programs of root's: for no user of the host. */
const closed = 0o700

/** What fails is tried again by the next {@link VolumeTable.sweep}. */
function discard(path: string): void {
  rm(path, { recursive: true, force: true }).catch(() => undefined)
}

function volumeOf(row: Record<string, unknown>): VolumeRecord {
  return {
    name: row['name'] as string,
    created: row['created'] as number,
    anonymous: row['anonymous'] === 1,
    labels: JSON.parse(row['labels'] as string) as Record<string, string>,
    options: JSON.parse(row['options'] as string) as Record<string, string>,
  }
}
