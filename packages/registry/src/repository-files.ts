import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeJson, isDigest, isRepositoryName, isTag } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'

/** Changes that come within this time are written together, in milliseconds. */
const delay = 250

/** What cannot be made again from the blobs: which manifests a repository has, as what they were pushed, and its tags. */
export interface RepositoryFile {
  readonly name: string
  readonly manifests: ReadonlyMap<Digest, string>
  readonly tags: ReadonlyMap<string, Digest>
}

/**
 * A file for each repository in a directory beside the blobs, so that a lost database is not a lost registry. The database is the
 * truth; the files follow within a second, or some when repositories are large, and are complete when they were flushed. They are named by a digest of the
 * repository's name, which never is a path. Written and marked as written under the database's write lock: of several processes
 * the last one writes the newest, and what a crash kept from being written, the next one writes.
 */
export class RepositoryFiles {
  readonly #state: State
  readonly #directory: string
  readonly #onError: (error: unknown) => void
  #timer: NodeJS.Timeout | undefined
  #pause = delay

  constructor(state: State, directory: string, onError: (error: unknown) => void) {
    this.#state = state
    this.#directory = directory
    this.#onError = onError
  }

  /** Writes soon. */
  schedule(): void {
    this.#timer ??= setTimeout(() => this.flush(), this.#pause).unref()
  }

  /** Writes what changed. What goes wrong is reported, not thrown: whoever pushes has nothing to do with it. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.#state.db.isOpen) return
    const started = performance.now()
    try {
      const rows = this.#state.prepare('SELECT id, name FROM registry_repositories WHERE changed <> projected').all()
      if (rows.length > 0) mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
      for (const row of rows) this.#write(Number(row['id']), String(row['name']))
    } catch (error) {
      this.#onError(error)
    }
    // Large repositories that change all the time are written less often: at most a fiftieth of the time goes there.
    this.#pause = Math.max(delay, (performance.now() - started) * 50)
  }

  #write(id: number, name: string): void {
    const path = pathOf(this.#directory, name)
    this.#state.transaction(() => {
      const manifests = this.#pairs('SELECT digest AS k, media_type AS v FROM registry_manifests', id)
      const tags = this.#pairs('SELECT tag AS k, digest AS v FROM registry_tags', id)
      if (manifests.length === 0) rmSync(path, { force: true })
      else {
        const temporary = `${path}.${process.pid}`
        const text = { name, manifests: Object.fromEntries(manifests), tags: Object.fromEntries(tags) }
        writeFileSync(temporary, encodeJson(text), { mode: 0o600 })
        renameSync(temporary, path)
      }
      this.#state.prepare('UPDATE registry_repositories SET projected = changed WHERE id = ?').run(id)
    })
  }

  #pairs(select: string, id: number): readonly (readonly [string, string])[] {
    const rows = this.#state.prepare(`${select} WHERE repository = ? ORDER BY k`).all(id)
    return rows.map((row) => [String(row['k']), String(row['v'])])
  }
}

/** Reads the files; one that is none, or whose name is not of what is in it, is left out and told of. */
export function* readRepositoryFiles(
  directory: string,
  onUnreadable: (file: string) => void,
): Generator<RepositoryFile> {
  for (const entry of entriesOf(directory)) {
    if (!entry.endsWith('.json')) continue
    const path = join(directory, entry)
    const file = parseFile(readFileSync(path))
    if (file !== undefined && pathOf(directory, file.name) === path) yield file
    else onUnreadable(path)
  }
}

function pathOf(directory: string, name: string): string {
  return join(directory, `${createHash('sha256').update(name).digest('hex')}.json`)
}

function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory).toSorted()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** Reads one file. It may be longer than a document of the wire: it has a line for each tag. */
export function parseFile(bytes: Uint8Array): RepositoryFile | undefined {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
  if (!isRecord(value) || typeof value['name'] !== 'string' || !isRepositoryName(value['name'])) return undefined
  const manifests = new Map<Digest, string>()
  const tags = new Map<string, Digest>()
  for (const [digest, type] of entries(value['manifests'])) {
    if (isDigest(digest) && typeof type === 'string' && type.length <= longestType) manifests.set(digest, type)
  }
  for (const [tag, digest] of entries(value['tags'])) {
    if (isTag(tag) && typeof digest === 'string' && isDigest(digest)) tags.set(tag, digest)
  }
  return { name: value['name'], manifests, tags }
}

const longestType = 255

function entries(value: unknown): readonly [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : []
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
