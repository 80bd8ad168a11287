import { readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isIndexType, isManifestType } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { AgeClock } from './clock.ts'
import type { DiskBlobs, StoredBlob } from './disk-blobs.ts'
import { currentHolder, isHolderAlive } from './holder.ts'
import type { LayoutPaths } from './layout-paths.ts'
import type { Leases } from './leases.ts'
import { Marks } from './marks.ts'
import { describeBlob } from './reach.ts'
import { systemCode } from './store-error.ts'

/** How garbage is collected. */
export interface CollectOptions {
  /** Remove nothing, only tell. Default: false. */
  readonly dryRun?: boolean
  /** What was put or looked for within this time stays, in milliseconds. Default: one hour. */
  readonly grace?: number
  /** Look only at these: with `grace: 0`, what an image that was just removed leaves behind. Default: at all blobs. */
  readonly only?: Iterable<Digest>
  /** Asked about each blob in the transaction that would take it away; quick, and without waiting. Default: none is. */
  readonly isNeeded?: (digest: Digest) => boolean
  readonly signal?: AbortSignal
}

/** What was, or would be, removed. */
export interface Collected {
  readonly removed: readonly Digest[]
  readonly bytes: number
}

const defaultGrace = 3_600_000
/** Blobs that are taken away under one lock. */
const batchSize = 32
/** Between two batches, for the writers of other processes: SQLite lets them try again only now and then. In milliseconds. */
const pause = 2

/**
 * Removes the blobs that no name, pin or lease leads to. It may run while others put, tag and lease: what they rely on stays, and
 * nobody waits long: the lock is held for a few renames at a time, and files are deleted without it.
 * Manifests go before what they lead to, so that no name can be given to half an image.
 *
 * How it is safe: a blob that somebody puts or finds gets a new time under the database's write lock; the time is looked at
 * again under that lock before the blob is taken away. When a name, pin or lease has come meanwhile, what it leads to is marked
 * first. What was marked stays so, even if its name went away: the next collection takes it.
 */
export async function collectGarbage(
  parts: { readonly state: State; readonly blobs: DiskBlobs; readonly leases: Leases; readonly clock: AgeClock },
  options: CollectOptions = {},
): Promise<Collected> {
  const { state, blobs, leases, clock } = parts
  const removed: Digest[] = []
  let bytes = 0
  leases.removeDead()
  if (options.dryRun !== true) removeAbandoned(blobs.paths)
  const marks = new Marks(state, blobs)
  await marks.update(options.signal)
  const { grace = defaultGrace } = options
  // Who wants no grace does not ask for ages.
  let before = Math.min(grace === 0 ? Date.now() : clock.now() - grace, leases.protectedSince() ?? Infinity)
  const doomed: StoredBlob[] = []
  for await (const blob of candidates(blobs, options.only)) {
    if (!marks.has(blob.digest) && blob.used <= before) doomed.push(blob)
  }
  const { isNeeded = () => false } = options
  const waiting = (await documentsFirst(blobs, doomed)).filter(({ digest }) => !isNeeded(digest))
  if (options.dryRun === true) return sum(waiting)
  for (let at = 0; at < waiting.length; at += batchSize) {
    options.signal?.throwIfAborted()
    if (marks.isStale()) await marks.update(options.signal)
    const taken = state.transaction(() => {
      if (marks.isStale()) marks.updateNow()
      // A lease on all that is new may have come, for what is older than this collection by a tick of the clock.
      before = Math.min(before, leases.protectedSince() ?? Infinity)
      const batch = waiting.slice(at, at + batchSize).filter(({ digest }) => !marks.has(digest) && !isNeeded(digest))
      return batch.filter((blob) => takeIfUnused(blobs.paths, blob, before))
    })
    for (const { digest, size } of taken) {
      await rm(trashOf(blobs.paths, digest), { force: true })
      removed.push(digest)
      bytes += size
    }
    await sleep(pause)
  }
  return { removed, bytes }
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

/** Takes a blob out of the store, to where it is deleted by whoever comes by should this process die. */
function takeIfUnused(paths: LayoutPaths, blob: StoredBlob, before: number): boolean {
  const path = paths.blob(blob.digest)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || found.mtimeMs > before) return false
  renameSync(path, trashOf(paths, blob.digest))
  return true
}

function trashOf(paths: LayoutPaths, digest: Digest): string {
  return join(paths.ingest, `${currentHolder()}-gone-${digest.replace(':', '-')}`)
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
