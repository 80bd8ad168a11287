import { rm } from 'node:fs/promises'
import type { Hashing } from '@gantry/image'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { Store } from '@gantry/store'
import { Catalog } from '../catalog.ts'
import { checkBlob, Pace } from './check-blob.ts'
import type { CheckedBlob } from './check-blob.ts'
import { findMissing } from './find-missing.ts'
import type { RepairSource, WantedContent } from './repair-source.ts'
import { readScrubPosition, writeScrubPosition } from './scrub-position.ts'
import type { DamagedBlob, MissingContent, ScrubProgress, ScrubReport } from './scrub-report.ts'
import { steadyNow } from '../clock/steady-clock.ts'

/** What is checked. */
export interface ScrubParts {
  readonly store: Store
  /** Opened with `registryMigrations`. */
  readonly state: State
  /** Computes the digests: a codec does it on workers. */
  readonly codec: Hashing
}

/** How it is checked. */
export interface ScrubOptions {
  /** Where good copies are looked for, in this order. Default: nowhere. */
  readonly repair?: readonly RepairSource[]
  /** Whether what is damaged and cannot be repaired is moved aside, so that it is neither given out nor taken for there. Default: true. */
  readonly quarantine?: boolean
  /** Bytes read in a second. Default: as quickly as it goes. */
  readonly rate?: number
  /** Begin with the first blob, not where the last run was stopped. Default: false. */
  readonly restart?: boolean
  /** Whether a repository is a cache, where what is missing has not been asked for yet. Default: none is. */
  readonly isCache?: (repository: string) => boolean
  readonly onProgress?: (progress: ScrubProgress) => void
  /** Stops it; the next run goes on from there. */
  readonly signal?: AbortSignal
}

/** The position is written down every so many blobs. */
const stride = 64

/**
 * Verifies the digest of every blob of the content store, and that all that the registry's manifests lead to is there. It may
 * run while the registry is used; a run that was stopped is gone on with by the next. What is damaged is put aside in
 * `quarantine/` of the content directory and never deleted. What a source has is fetched again, verified, and takes the place of
 * the damaged blob at once.
 *
 * Blobs that no repository shows are verified too, but not fetched again: nobody knows where they came from.
 *
 * @throws the reason of the signal when it is stopped
 */
export async function scrub(parts: ScrubParts, options: ScrubOptions = {}): Promise<ScrubReport> {
  const run = new Scrub(parts, options)
  return run.run()
}

class Scrub {
  readonly #parts: ScrubParts
  readonly #options: ScrubOptions
  readonly #catalog: Catalog
  readonly #damaged: DamagedBlob[] = []
  readonly #missing: MissingContent[] = []
  #checked = 0
  #bytes = 0

  constructor(parts: ScrubParts, options: ScrubOptions) {
    this.#parts = parts
    this.#options = options
    this.#catalog = new Catalog(parts.state)
  }

  async run(): Promise<ScrubReport> {
    const { state } = this.#parts
    const before = readScrubPosition(state)
    const isNew = this.#options.restart === true || before.position === ''
    const started = isNew ? steadyNow() : before.started
    await this.#checkBlobs(isNew ? '' : before.position, started)
    await this.#checkChildren()
    writeScrubPosition(state, { position: '', started, completed: steadyNow() })
    return { checked: this.#checked, bytes: this.#bytes, damaged: this.#damaged, missing: this.#missing }
  }

  async #checkBlobs(after: string, started: number): Promise<void> {
    const { store, state, codec } = this.#parts
    const { signal, rate = Infinity, onProgress } = this.#options
    const pace = new Pace(rate)
    const digests: Digest[] = []
    for await (const { digest } of store.blobs()) if (digest > after) digests.push(digest)
    digests.sort((a, b) => (a < b ? -1 : 1))
    let position = after
    try {
      for (const digest of digests) {
        signal?.throwIfAborted()
        const found = await checkBlob(store.path(digest), digest, { hashing: codec, pace, signal })
        position = digest
        if (found === undefined) continue
        this.#checked += 1
        this.#bytes += found.size
        if (found.problem !== undefined) await this.#onDamaged(digest, found.problem, found)
        onProgress?.({ kind: 'checked', digest, checked: this.#checked, of: digests.length, bytes: this.#bytes })
        if (this.#checked % stride === 0) writeScrubPosition(state, { position, started })
      }
    } finally {
      writeScrubPosition(state, { position, started })
    }
  }

  async #onDamaged(
    digest: Digest,
    problem: NonNullable<CheckedBlob['problem']>,
    { size, inode }: CheckedBlob,
  ): Promise<void> {
    const { store } = this.#parts
    const { quarantine = true, onProgress } = this.#options
    const repositories = this.#catalog.repositoriesOf(digest)
    const kept = { digest, size, problem, repositories }
    const repaired = await this.#repair(
      repositories.map((repository) => this.#wanted(repository, digest)),
      async () => {
        return (await store.quarantine(digest, { inode, copy: true })) ?? 'gone'
      },
    )
    let file = repaired
    if (file === undefined && quarantine) file = await store.quarantine(digest, { inode })
    // Somebody has written it anew, or removed it, while it was looked at.
    if (file === 'gone' || (file === undefined && quarantine)) return
    const damaged = { ...kept, repaired: repaired !== undefined, ...(file === undefined ? {} : { quarantined: file }) }
    this.#damaged.push(damaged)
    onProgress?.({ kind: 'damaged', damaged })
  }

  async #checkChildren(): Promise<void> {
    const { store } = this.#parts
    const { isCache = () => false, signal, onProgress } = this.#options
    for await (const found of findMissing({ store, catalog: this.#catalog, isCache, signal })) {
      const { repository, digest, kind } = found
      const repaired = await this.#repair([{ repository, digest, kind }], async () => 'missing')
      const missing = { ...found, repaired: repaired !== undefined }
      this.#missing.push(missing)
      onProgress?.({ kind: 'missing', missing })
    }
  }

  /** Puts a good copy in its place, from the first source that has one. Gives what `beforehand` gave just before it did so. */
  async #repair(wanted: readonly WantedContent[], beforehand: () => Promise<string>): Promise<string | undefined> {
    const { store } = this.#parts
    const { repair = [], onProgress, signal } = this.#options
    for (const source of repair) {
      for (const each of wanted) {
        const { digest } = each
        try {
          const body = await source.fetch(each, signal === undefined ? {} : { signal })
          if (body === undefined) continue
          await using staging = await store.stage({ algorithm: digest.startsWith('sha512') ? 'sha512' : 'sha256' })
          for await (const chunk of body) {
            signal?.throwIfAborted()
            await staging.write(chunk)
          }
          return await this.#replace(digest, staging, beforehand)
        } catch (error) {
          signal?.throwIfAborted()
          onProgress?.({ kind: 'source-failed', digest, error })
        }
      }
    }
    return undefined
  }

  async #replace(
    digest: Digest,
    staging: Awaited<ReturnType<Store['stage']>>,
    beforehand: () => Promise<string>,
  ): Promise<string> {
    const kept = await beforehand()
    try {
      await staging.commit({ digest })
      return kept
    } catch (error) {
      // What came is not good either: the damaged blob is where it was, and needs no copy.
      if (kept.startsWith('/')) await rm(kept, { force: true })
      throw error
    }
  }

  #wanted(repository: string, digest: Digest): WantedContent {
    const id = this.#catalog.find(repository)
    const isManifest = id !== undefined && this.#catalog.manifest(id, { kind: 'digest', digest }) !== undefined
    return { repository, digest, kind: isManifest ? 'manifest' : 'blob' }
  }
}
