import { existsSync, renameSync, writeFileSync } from 'node:fs'
import type { NodeCodec } from '@gantry/codec'
import { ImageError } from '@gantry/image'
import { isDigest, layoutFile } from '@gantry/oci'
import type { Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import { AgeClock } from './clock.ts'
import type { TimeSources } from './clock.ts'
import { collectGarbage, removeAbandoned } from './collect-garbage.ts'
import { compressedOf, rememberCompressed } from './compressed.ts'
import { DiskBlobs } from './disk-blobs.ts'
import { Documents } from './documents.ts'
import { currentHolder } from './holder.ts'
import type { Holder } from './holder.ts'
import { LayoutPaths } from './layout-paths.ts'
import { Leases } from './leases.ts'
import { Names } from './names.ts'
import { Projection } from './projection.ts'
import { removePartials } from './partial/remove-partials.ts'
import { quarantineBlob } from './quarantine.ts'
import { addReachable, describeBlob } from './reach.ts'
import { readEvents, recordEvent } from './store-events.ts'
import { translateWriteError } from './store-error.ts'
import type { Store } from './store.ts'
import { createSyncDirectory } from './sync-directory.ts'

/** What the store is opened with. */
export interface OpenStoreOptions {
  /** The content directory, `<root>/content`; made when it is not there. */
  readonly root: string
  /** Opened with `storeMigrations`. */
  readonly state: State
  readonly codec: NodeCodec
  /** Who holds its leases and half-written blobs. Default: this process. */
  readonly holder?: Holder
  /** Blobs of at least so many bytes may come in parts that outlive this process. Default: 4 MiB. */
  readonly leastPartial?: number
  /** Where the time is taken from that ages are reckoned by. Default: this machine. */
  readonly time?: Partial<TimeSources>
}

/**
 * Opens the content store, making an empty image layout where there is none. Removes what dead processes left half-written, and
 * brings an `index.json` that a crash left behind up to date.
 *
 * @throws {StoreError} STORE_UNAVAILABLE, STORE_FULL
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const { root, state, codec, holder = currentHolder() } = options
  const paths = new LayoutPaths(root)
  const blobs = new DiskBlobs({ paths, codec, state, holder, leastPartial: options.leastPartial })
  const names = new Names(state)
  const leases = new Leases(state, holder)
  const projection = new Projection(state, names, paths)
  const clock = new AgeClock(state, options.time)
  const documents = new Documents({ state, paths, holder, syncDirectory: createSyncDirectory() })
  try {
    await blobs.makeDirectories()
    writeLayoutFile(paths)
    removeAbandoned(paths)
    documents.recover()
    clock.observe()
    projection.flush()
  } catch (error) {
    throw translateWriteError(error, root)
  }

  return {
    root,
    id: String(state.prepare('SELECT text FROM store_identity').get()?.['text']),
    open: (descriptor, open) => blobs.open(descriptor, open),
    put: (descriptor, body, put) => blobs.put(descriptor, body, put),
    now: () => clock.now(),
    clockAhead: () => clock.ahead(),
    partial: (descriptor, partial) => blobs.partial(descriptor, partial),
    prunePartials: (prune) => removePartials(paths.ingest, { now: clock.now(), ...prune }),
    has: async (descriptor) => blobs.touch(descriptor.digest) === descriptor.size,
    ingest: (body, ingest) => blobs.ingest(body, ingest),
    writeDocument: (digest, bytes) => documents.write(digest, bytes),
    keepDocument: (digest, bytes) => documents.keep(digest, bytes),
    size: (digest) => blobs.size(digest),
    touch: (digest) => blobs.touch(digest),
    path: (digest) => paths.blob(digest),
    delete: (digest) => blobs.delete(digest),
    quarantine: (digest, options) => quarantineBlob(paths, digest, options),
    blobs: () => blobs.list(),
    async reachable(start, reach = {}) {
      const seen = new Set<Digest>()
      await addReachable(blobs, start, seen, reach.signal)
      return new Set([...seen].filter((digest) => blobs.size(digest) !== undefined))
    },
    stage: ({ key, algorithm } = {}) => (key === undefined ? blobs.stage(algorithm) : blobs.stageAs(key, algorithm)),
    staged: (prefix = '') => blobs.staged(prefix),
    unstage: (key) => blobs.unstage(key),
    resolve: async (reference) => (isDigest(reference) ? describeBlob(blobs, reference) : names.get(reference)),
    async tag(name, descriptor) {
      const changed = names.set(name, descriptor, () => {
        if (blobs.touch(descriptor.digest) !== undefined) return
        throw new ImageError('MANIFEST_UNKNOWN', `Cannot tag ${name}: ${descriptor.digest} is not in the content store`)
      })
      if (changed) projection.schedule()
    },
    untag(name, expected) {
      const removed = names.remove(name, expected)
      projection.schedule()
      return removed
    },
    names: () => names.list(),
    lease: (what, lease) => leases.lease(what, lease),
    pin: (owner, digest) => leases.pin(owner, digest),
    unpin: (owner, digest) => leases.unpin(owner, digest),
    pinnedBy: (digest) => leases.pinnedBy(digest),
    async gc(gc) {
      if (gc?.dryRun !== true && gc?.only === undefined) await removePartials(paths.ingest, { now: clock.now() })
      return collectGarbage({ state, blobs, leases, clock }, gc)
    },
    rememberCompressed: (diffId, descriptor) => rememberCompressed(state, diffId, descriptor),
    compressedOf: (diffId, kind) => compressedOf(state, diffId, kind),
    record: (event) => recordEvent(state, event),
    events: (filter) => readEvents(state, filter),
    flush: async () => projection.flush(),
    async [Symbol.asyncDispose]() {
      documents.close()
      projection.flush()
    },
  }
}

function writeLayoutFile(paths: LayoutPaths): void {
  if (existsSync(paths.layout)) return
  const temporary = `${paths.layout}.${process.pid}`
  writeFileSync(temporary, layoutFile)
  renameSync(temporary, paths.layout)
}
