import { open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { encodeJson, limits, MediaType, parseIndex } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { currentHolder, isHolderAlive } from '../holder.ts'
import { StoreError, systemCode, translateWriteError } from '../store-error.ts'

/** How long another process may keep the index, in milliseconds. */
const patience = 10_000

/**
 * The `index.json` of a layout that other tools may use too. A change reads it, and replaces it atomically, under a lock file
 * beside it; a lock whose process died is taken over. Entries and members nobody here knows are kept.
 */
export class IndexFile {
  readonly #path: string
  #queue: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /**
   * The entries now; none when there is no file yet.
   *
   * @throws {StoreError} LAYOUT_INVALID
   */
  async read(): Promise<readonly Descriptor[]> {
    return (await this.#load()).manifests
  }

  /** Replaces the entries by what `change` makes of them; nothing is written when it gives the same list back. */
  change(change: (entries: readonly Descriptor[]) => readonly Descriptor[]): Promise<void> {
    const work = this.#queue.then(() => this.#locked(change))
    this.#queue = work.catch(() => undefined)
    return work
  }

  async #load(): Promise<{ readonly manifests: readonly Descriptor[]; readonly document: object }> {
    const bytes = await this.#bytes()
    if (bytes === undefined) {
      const document = { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [] }
      return { manifests: [], document }
    }
    try {
      const index = parseIndex(bytes)
      return { manifests: index.manifests, document: index }
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause)
      throw new StoreError('LAYOUT_INVALID', `Cannot read ${JSON.stringify(this.#path)}: ${problem}`, { cause })
    }
  }

  async #bytes(): Promise<Uint8Array | undefined> {
    try {
      const bytes = await readFile(this.#path)
      if (bytes.length <= limits.documentBytes) return bytes
      const problem = `it has ${bytes.length} bytes, and at most ${limits.documentBytes} are read`
      throw new StoreError('LAYOUT_INVALID', `Cannot read ${JSON.stringify(this.#path)}: ${problem}`)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async #locked(change: (entries: readonly Descriptor[]) => readonly Descriptor[]): Promise<void> {
    const lock = `${this.#path}.lock`
    try {
      await takeLock(lock)
      try {
        const { manifests, document } = await this.#load()
        const changed = change(manifests)
        if (changed === manifests) return
        const temporary = `${this.#path}.${process.pid}`
        try {
          // On the disk before it takes the place of the old one: a power failure must not leave an empty index.
          await writeFile(temporary, encodeJson({ ...document, manifests: changed }), { flush: true })
          await rename(temporary, this.#path)
        } catch (error) {
          await rm(temporary, { force: true })
          throw error
        }
      } finally {
        await rm(lock, { force: true })
      }
    } catch (error) {
      throw translateWriteError(error, this.#path)
    }
  }
}

async function takeLock(path: string): Promise<void> {
  for (const end = Date.now() + patience; ;) {
    try {
      await using file = await open(path, 'wx')
      return await file.writeFile(currentHolder())
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
    }
    const holder = await readFile(path, 'utf8').catch(() => '')
    if (holder !== '' && !isHolderAlive(holder)) await rm(path, { force: true })
    else if (Date.now() > end) {
      throw new StoreError(
        'LAYOUT_LOCKED',
        `Cannot change the layout: another process holds ${JSON.stringify(path)}; remove that file if none does`,
      )
    } else await delay(20)
  }
}
