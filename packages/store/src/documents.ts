import {
  closeSync,
  fchmodSync,
  fdatasync,
  fsyncSync,
  mkdirSync,
  open,
  openSync,
  readFileSync,
  rename,
  renameSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { promisify } from 'node:util'
import { digestOf } from '@gantry/codec'
import { digestAlgorithm } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import { isHolderAlive, isOfThisBoot } from './holder.ts'
import type { Holder } from './holder.ts'
import type { LayoutPaths } from './layout-paths.ts'
import { systemCode, translateWriteError } from './store-error.ts'
import type { SyncDirectory } from './sync-directory.ts'

/** By then the kernel has written by itself what was written before, so that asking it to costs nothing; in milliseconds. */
const settling = 40_000
const batchSize = 100
const syncFile = promisify(fdatasync)
const openFile = promisify(open)
const renameFile = promisify(rename)

/** What the documents of a store need. */
export interface DocumentParts {
  readonly state: State
  readonly paths: LayoutPaths
  readonly holder: Holder
  readonly syncDirectory: SyncDirectory
}

/**
 * Small blobs that come with a transaction: the database keeps their bytes until their files are on the disk. A file that is
 * synced by itself costs more than all else that is done for a manifest; so the files are written, and synced much later. What
 * the machine lost of them by then, the next process to open the store writes anew.
 */
export class Documents {
  readonly #parts: DocumentParts
  #count = 0
  #timer: NodeJS.Timeout | undefined
  /** What was there at the last turn: it has had its time at the next. */
  #settled = 0

  constructor(parts: DocumentParts) {
    this.#parts = parts
  }

  /** Writes the file of a blob that is known to have the digest, unless it is there. @throws {StoreError} STORE_FULL */
  async write(digest: Digest, bytes: Uint8Array): Promise<void> {
    if (this.#isThere(digest, bytes)) return
    const { paths } = this.#parts
    try {
      const path = this.#temporary()
      // What changes a directory takes the kernel longer than all the rest, and needs nothing of this thread.
      fill(await openFile(path, 'wx', 0o644), bytes)
      await renameFile(path, paths.blob(digest)).catch((error: unknown) => this.#moveFirst(error, path, digest))
    } catch (error) {
      throw translateWriteError(error, paths.root)
    }
  }

  /** Keeps a blob that was written, and is written again if it was collected meanwhile. @throws {StoreError} STORE_FULL */
  keep(digest: Digest, bytes: Uint8Array): void {
    const { state, paths, holder } = this.#parts
    state.transaction(() => {
      try {
        const now = Date.now() / 1000
        if (this.#isThere(digest, bytes)) utimesSync(paths.blob(digest), now, now)
        else this.#writeNow(digest, bytes)
      } catch (error) {
        throw translateWriteError(error, paths.root)
      }
      state.prepare('INSERT INTO store_documents (holder, digest, bytes) VALUES (?, ?, ?)').run(holder, digest, bytes)
    })
    this.#schedule()
  }

  /** Writes again what the machine lost when it stopped, if it did; what only a process left is settled in time. */
  recover(): void {
    const { state, paths } = this.#parts
    const holders = this.#holders()
    for (const lost of holders.filter((holder) => !isOfThisBoot(holder))) {
      const rows = state.prepare('SELECT digest, bytes FROM store_documents WHERE holder = ?').all(lost)
      for (const row of rows) {
        const digest = row['digest'] as Digest
        if (!isWhole(paths.blob(digest), digest)) this.#writeNow(digest, row['bytes'] as Uint8Array, { sync: true })
      }
      state.transaction(() => state.prepare('DELETE FROM store_documents WHERE holder = ?').run(lost))
    }
    if (holders.some((holder) => this.#isOurs(holder))) this.#schedule()
  }

  /** What was put stays as it is: the database has it. */
  close(): void {
    clearTimeout(this.#timer)
  }

  /** Brings the files of what was there before to the disk, and forgets their bytes. */
  async settle(upTo: number): Promise<void> {
    const { state, paths, syncDirectory } = this.#parts
    const ours = this.#holders().filter((holder) => this.#isOurs(holder))
    for (const holder of ours) {
      for (;;) {
        const sql = 'SELECT id, digest FROM store_documents WHERE holder = ? AND id <= ? ORDER BY id LIMIT ?'
        const rows = state.db.isOpen ? state.prepare(sql).all(holder, upTo, batchSize) : []
        const last = rows.at(-1)?.['id']
        if (last === undefined) break
        const digests = rows.map((row) => row['digest'] as Digest)
        for (const digest of digests) await syncBlob(paths.blob(digest))
        for (const directory of new Set(digests.map((digest) => paths.algorithm(digest))))
          await syncDirectory(directory)
        if (!state.db.isOpen) return
        const remove = 'DELETE FROM store_documents WHERE holder = ? AND id <= ?'
        state.transaction(() => state.prepare(remove).run(holder, Number(last)))
      }
    }
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.#turn().catch(() => undefined), settling).unref()
  }

  async #turn(): Promise<void> {
    const { state } = this.#parts
    if (!state.db.isOpen) return
    const upTo = this.#settled
    const newest = state.prepare('SELECT max(id) AS id FROM store_documents').get()?.['id']
    this.#settled = Number(newest ?? 0)
    try {
      await this.settle(upTo)
    } finally {
      this.#timer = undefined
      if (state.db.isOpen && this.#holders().some((holder) => this.#isOurs(holder))) this.#schedule()
    }
  }

  /** Whose are not settled yet. */
  #holders(): readonly Holder[] {
    const rows = this.#parts.state.prepare('SELECT DISTINCT holder FROM store_documents').all()
    return rows.map((row) => String(row['holder']))
  }

  #isOurs(holder: Holder): boolean {
    return holder === this.#parts.holder || !isHolderAlive(holder)
  }

  #isThere(digest: Digest, { length }: Uint8Array): boolean {
    return statSync(this.#parts.paths.blob(digest), { throwIfNoEntry: false })?.size === length
  }

  #temporary(): string {
    const { paths, holder } = this.#parts
    this.#count += 1
    return `${paths.ingest}/${holder}-document-${process.hrtime.bigint()}-${this.#count}`
  }

  #writeNow(digest: Digest, bytes: Uint8Array, options: { readonly sync?: boolean } = {}): void {
    const path = this.#temporary()
    fill(openSync(path, 'wx', 0o644), bytes, options)
    try {
      renameSync(path, this.#parts.paths.blob(digest))
    } catch (error) {
      this.#moveFirst(error, path, digest)
    }
  }

  /** The first of its algorithm has no directory yet. */
  #moveFirst(error: unknown, path: string, digest: Digest): void {
    if (systemCode(error) !== 'ENOENT') throw error
    mkdirSync(this.#parts.paths.algorithm(digest), { recursive: true })
    renameSync(path, this.#parts.paths.blob(digest))
  }
}

function fill(file: number, bytes: Uint8Array, { sync = false }: { readonly sync?: boolean } = {}): void {
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
    fchmodSync(file, 0o644)
    if (sync) fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function isWhole(path: string, digest: Digest): boolean {
  try {
    return digestOf(readFileSync(path), digestAlgorithm(digest)) === digest
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

/** One that was collected meanwhile needs nothing more. */
async function syncBlob(path: string): Promise<void> {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw error
  }
  try {
    await syncFile(file)
  } finally {
    closeSync(file)
  }
}
