import { readFileSync } from 'node:fs'
import { isDigest, limits, OciError, parseManifestOrIndex } from '@gantry/oci'
import type { Descriptor, Digest, ManifestOrIndex } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { DiskBlobs } from './disk-blobs.ts'
import { childrenIn, childrenOf, describeBlob } from './reach.ts'
import { systemCode } from './store-error.ts'

/** What is to be kept: the names, pins and leases of a moment, and what they lead to. It only grows. */
export class Marks {
  readonly #state: State
  readonly #blobs: DiskBlobs
  readonly #kept = new Set<Digest>()
  /** What was not there when it was looked at: it may have come since, and lead to something. */
  #missing: Digest[] = []
  #generation = -1

  constructor(state: State, blobs: DiskBlobs) {
    this.#state = state
    this.#blobs = blobs
  }

  has(digest: Digest): boolean {
    return this.#kept.has(digest)
  }

  /** Whether roots have come since it was brought up to date. */
  isStale(): boolean {
    return this.#readGeneration() !== this.#generation
  }

  /** Marks what is new. What comes while it works may be left for the next time. */
  async update(signal?: AbortSignal): Promise<void> {
    for (const root of this.#begin()) {
      const waiting: (Descriptor | Digest)[] = [root]
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        signal?.throwIfAborted()
        const digest = this.#keep(next)
        if (digest === undefined) continue
        const descriptor = typeof next === 'string' ? await describeBlob(this.#blobs, next) : next
        if (descriptor === undefined) this.#missing.push(digest)
        else waiting.push(...(await childrenOf(this.#blobs, descriptor)))
      }
    }
  }

  /** Marks what is new, to the last of it: inside a transaction, so it is for the little that came since `update`. */
  updateNow(): void {
    for (const root of this.#begin()) {
      const waiting: (Descriptor | Digest)[] = [root]
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const digest = this.#keep(next)
        if (digest === undefined) continue
        const size = this.#blobs.size(digest)
        if (size === undefined) this.#missing.push(digest)
        else if (size <= limits.documentBytes) waiting.push(...childrenNow(this.#blobs, digest))
      }
    }
  }

  /** Where to go on from: the roots that are not marked yet, and what was missing. */
  #begin(): readonly Digest[] {
    // Read first, and without a lock: a root that comes in between makes it stale.
    this.#generation = this.#readGeneration()
    const again = this.#missing
    this.#missing = []
    for (const digest of again) this.#kept.delete(digest)
    const rows = this.#state
      .prepare(
        `SELECT digest FROM store_names UNION SELECT digest FROM store_pins UNION SELECT digest FROM store_lease_digests`,
      )
      .all()
    for (const row of rows) {
      const root = String(row['digest'])
      if (isDigest(root) && !this.#kept.has(root)) again.push(root)
    }
    return again
  }

  /** Its digest, when it was not kept before. */
  #keep(what: Descriptor | Digest): Digest | undefined {
    const digest = typeof what === 'string' ? what : what.digest
    if (this.#kept.has(digest)) return undefined
    this.#kept.add(digest)
    return digest
  }

  #readGeneration(): number {
    return Number(this.#state.prepare('SELECT roots FROM store_generation').get()?.['roots'])
  }
}

function childrenNow(blobs: DiskBlobs, digest: Digest): readonly Descriptor[] {
  let content: ManifestOrIndex
  try {
    const bytes = readFileSync(blobs.paths.blob(digest))
    if (bytes[0] !== 0x7b) return []
    content = parseManifestOrIndex(bytes)
  } catch (error) {
    if (error instanceof OciError || systemCode(error) === 'ENOENT') return []
    throw error
  }
  return childrenIn(content)
}
