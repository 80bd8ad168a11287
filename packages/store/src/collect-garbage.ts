import { readdirSync, rmSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { isDigest, isIndexType, isManifestType } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { DiskBlobs, StoredBlob } from './disk-blobs.ts'
import { isHolderAlive } from './holder.ts'
import type { LayoutPaths } from './layout-paths.ts'
import type { Leases } from './leases.ts'
import { addReachable, describeBlob } from './reach.ts'
import { systemCode } from './store-error.ts'

/** How garbage is collected. */
export interface CollectOptions {
  /** Remove nothing, only tell. Default: false. */
  readonly dryRun?: boolean
  /** What was put or looked for within this time stays, in milliseconds. Default: one hour. */
  readonly grace?: number
  /** Look only at these: with `grace: 0`, what an image that was just removed leaves behind. Default: at all blobs. */
  readonly only?: Iterable<Digest>
  readonly signal?: AbortSignal
}

/** What was, or would be, removed. */
export interface Collected {
  readonly removed: readonly Digest[]
  readonly bytes: number
}

const defaultGrace = 3_600_000
const batchSize = 64

/**
 * Removes the blobs that no name, pin or lease leads to. It may run while others put, tag and lease: what they rely on stays.
 * Manifests go before what they lead to, so that no name can be given to half an image.
 *
 * How it is safe: a blob that somebody puts or finds gets a new time under the database's write lock; the time is looked at
 * again under that lock before the blob is removed. When a name, pin or lease has come meanwhile, what it leads to is marked
 * first. What was marked stays so, even if its name went away: the next collection takes it.
 */
export async function collectGarbage(
  parts: { readonly state: State; readonly blobs: DiskBlobs; readonly leases: Leases },
  options: CollectOptions = {},
): Promise<Collected> {
  const { state, blobs, leases } = parts
  const removed: Digest[] = []
  let bytes = 0
  leases.removeDead()
  if (options.dryRun !== true) removeAbandoned(blobs.paths)
  const marked = new Set<Digest>()
  await markNew(parts, marked, options.signal)
  const before = Math.min(Date.now() - (options.grace ?? defaultGrace), leases.protectedSince() ?? Infinity)
  const doomed: StoredBlob[] = []
  for await (const blob of candidates(blobs, options.only)) {
    if (!marked.has(blob.digest) && blob.used <= before) doomed.push(blob)
  }
  let waiting = await documentsFirst(blobs, doomed)
  if (options.dryRun === true) return sum(waiting)
  while (waiting.length > 0) {
    const generation = await markNew(parts, marked, options.signal)
    waiting = waiting.filter((blob) => !marked.has(blob.digest))
    const batch = waiting.slice(0, batchSize)
    const done = state.transaction(() => {
      if (readGeneration(state) !== generation) return false
      for (const blob of batch) {
        if (!removeIfUnused(blobs.paths, blob, before)) continue
        removed.push(blob.digest)
        bytes += blob.size
      }
      return true
    })
    if (done) waiting = waiting.slice(batchSize)
  }
  return { removed, bytes }
}

/** Marks what names, pins and leases lead to, as far as that is new. Gives the generation that it saw. */
async function markNew(
  { state, blobs }: { readonly state: State; readonly blobs: DiskBlobs },
  marked: Set<Digest>,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { roots, generation } = state.transaction(() => ({
    generation: readGeneration(state),
    roots: state
      .prepare(
        `SELECT digest FROM store_names UNION SELECT digest FROM store_pins UNION SELECT digest FROM store_lease_digests`,
      )
      .all()
      .map((row) => String(row['digest'])),
  }))
  for (const root of roots) if (isDigest(root)) await addReachable(blobs, root, marked, signal)
  return generation
}

function readGeneration(state: State): number {
  return Number(state.prepare('SELECT roots FROM store_generation').get()?.['roots'])
}

async function* candidates(blobs: DiskBlobs, only: Iterable<Digest> | undefined): AsyncGenerator<StoredBlob> {
  if (only === undefined) {
    yield* blobs.list()
    return
  }
  for (const digest of new Set(only)) {
    const found = statSync(blobs.paths.blob(digest), { throwIfNoEntry: false })
    if (found !== undefined) yield { digest, size: found.size, used: found.mtimeMs }
  }
}

async function documentsFirst(blobs: DiskBlobs, doomed: readonly StoredBlob[]): Promise<StoredBlob[]> {
  const documents: StoredBlob[] = []
  const others: StoredBlob[] = []
  for (const blob of doomed) {
    // What cannot be read as a manifest, for whatever reason, is none that a name could be given to.
    const found = await describeBlob(blobs, blob.digest).catch(() => undefined)
    const isDocument = found !== undefined && (isManifestType(found.mediaType) || isIndexType(found.mediaType))
    const list = isDocument ? documents : others
    list.push(blob)
  }
  return [...documents, ...others]
}

function removeIfUnused(paths: LayoutPaths, blob: StoredBlob, before: number): boolean {
  const path = paths.blob(blob.digest)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || found.mtimeMs > before) return false
  unlinkSync(path)
  return true
}

function sum(blobs: readonly StoredBlob[]): Collected {
  return { removed: blobs.map((blob) => blob.digest), bytes: blobs.reduce((total, blob) => total + blob.size, 0) }
}

/** Removes what processes that are gone left in `ingest/`. What was staged under a key is its owner's to remove. */
export function removeAbandoned(paths: LayoutPaths): void {
  let files: readonly string[]
  try {
    files = readdirSync(paths.ingest)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw error
  }
  for (const file of files) {
    const holder = /^(\d+\.\d+\.[0-9a-f-]{36})-/.exec(file)?.[1]
    if (holder !== undefined && !isHolderAlive(holder)) rmSync(join(paths.ingest, file), { force: true })
  }
}
