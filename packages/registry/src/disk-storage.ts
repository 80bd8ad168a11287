import { join } from 'node:path'
import type { Digest } from '@gantry/oci'
import type { Lease, Store } from '@gantry/store'
import type { RegistryStorage } from './storage.ts'
import { steadyNow } from './clock/steady-clock.ts'

/** How a storage on a disk keeps what clients count on. */
export interface DiskStorageOptions {
  /** How long a blob that a client was told of is leased at least, in milliseconds. Default: half an hour. */
  readonly span?: number
}

const halfAnHour = 30 * 60_000
/** Digests that are remembered to be leased: 100 bytes each. */
const mostHeld = 100_000

/**
 * The content store as a registry's storage: the blobs of the registry are the store's. What clients are told to be there is
 * leased, so that no collection makes a push fail. Dispose of it before the store.
 */
export function diskStorage(store: Store, options: DiskStorageOptions = {}): RegistryStorage & AsyncDisposable {
  const { span = halfAnHour } = options
  const leases = new Map<Lease, NodeJS.Timeout>()
  let newest: { readonly lease: Lease; readonly since: number } | undefined
  /** What the newest lease holds: to ask for it again need not be written down. */
  const held = new Set<Digest>()

  const end = async (lease: Lease): Promise<void> => {
    clearTimeout(leases.get(lease))
    leases.delete(lease)
    if (newest?.lease === lease) newest = undefined
    await lease[Symbol.asyncDispose]()
  }

  /** Whether it was held already. */
  const keep = (digest: Digest): boolean => {
    const now = steadyNow()
    if (newest === undefined || newest.since < now - span) {
      const lease = store.lease([])
      newest = { lease, since: now }
      // What it takes last is held for the span at least.
      leases.set(lease, setTimeout(() => void end(lease), 2 * span + 100).unref())
      held.clear()
    }
    if (held.has(digest)) return true
    newest.lease.add(digest)
    if (held.size < mostHeld) held.add(digest)
    return false
  }

  return {
    id: store.id,
    directory: join(store.root, 'repositories'),
    open: (descriptor, options) => store.open(descriptor, options),
    size: async (digest) => store.size(digest),
    async touch(digest) {
      // What a lease held before it was looked for is not collected while it is looked for.
      return keep(digest) ? store.size(digest) : store.touch(digest)
    },
    file: (digest) => store.path(digest),
    async stage(key, algorithm = 'sha256') {
      const staging = await store.stage(key === undefined ? { algorithm } : { key, algorithm })
      return {
        get size() {
          return staging.size
        },
        get landed() {
          return staging.landed
        },
        write: (chunk) => staging.write(chunk),
        flush: () => staging.flush(),
        verify: (digest) => staging.verify(digest),
        commit(expected) {
          // Before it is a blob: a collection must not find one that nobody holds.
          keep(expected.digest)
          return staging.commit(expected)
        },
        discard: () => staging.discard(),
        read: (position, length) => staging.read(position, length),
        [Symbol.asyncDispose]: () => staging[Symbol.asyncDispose](),
      }
    },
    documents: {
      mostBytes: 64 * 1024,
      write: (digest, bytes) => store.writeDocument(digest, bytes),
      keep: (digest, bytes) => store.keepDocument(digest, bytes),
    },
    retain: (owner, digest) => store.pin(owner, digest),
    release: (owner, digest) => store.unpin(owner, digest),
    async [Symbol.asyncDispose]() {
      await Promise.all([...leases.keys()].map((lease) => end(lease)))
    },
  }
}
