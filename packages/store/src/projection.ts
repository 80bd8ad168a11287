import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { encodeJson, MediaType, refNameAnnotation } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { LayoutPaths } from './layout-paths.ts'
import type { Names } from './names.ts'
import { translateWriteError } from './store-error.ts'

/** Changes that come within this time are written together, in milliseconds. */
const delay = 25

/**
 * The layout's `index.json`, made from the names in the database. It is read and replaced under the database's write lock, so
 * that of several processes the last one writes the newest names; after a crash the next process that opens the store
 * sees that names and projection differ.
 */
export class Projection {
  readonly #state: State
  readonly #names: Names
  readonly #paths: LayoutPaths
  #timer: NodeJS.Timeout | undefined
  #failure: unknown

  constructor(state: State, names: Names, paths: LayoutPaths) {
    this.#state = state
    this.#names = names
    this.#paths = paths
  }

  /** Writes soon; the process lives until then. What goes wrong then is thrown by the next `flush`. */
  schedule(): void {
    this.#timer ??= setTimeout(() => {
      try {
        this.flush()
      } catch (error) {
        this.#failure = error
      }
    }, delay)
  }

  /** Writes now, if something changed. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined && this.#isCurrent()) throw failure
    if (!this.#isCurrent()) this.#write()
  }

  #isCurrent(): boolean {
    const size = statSync(this.#paths.index, { throwIfNoEntry: false })?.size ?? 0
    const row = this.#state.prepare('SELECT names, projected FROM store_generation').get()
    return size > 0 && row?.['names'] === row?.['projected']
  }

  #write(): void {
    const temporary = `${this.#paths.index}.${process.pid}`
    try {
      this.#state.transaction(() => {
        writeFileSync(temporary, encodeJson(this.#index()))
        renameSync(temporary, this.#paths.index)
        this.#state.prepare('UPDATE store_generation SET projected = names').run()
      })
    } catch (error) {
      rmSync(temporary, { force: true })
      throw translateWriteError(error, this.#paths.root)
    }
  }

  #index(): unknown {
    const manifests = this.#names.list().map(({ name, descriptor }) => ({
      ...descriptor,
      annotations: { ...descriptor.annotations, [refNameAnnotation]: name },
    }))
    return { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests }
  }
}
