import { join } from 'node:path'
import type { Digest } from '@gantry/oci'
import type { Lease, Store } from '@gantry/store'
import type { RegistryStorage } from './storage.ts'

/** How long a blob that a client was told of is kept at least, before a manifest refers to it; in milliseconds. */
const span = 30 * 60_000

/**
 * The content store as a registry's storage: the blobs of the registry are the store's. What clients are told to be there is
 * leased, so that no collection makes a push fail. Dispose of it before the store.
 */
export function diskStorage(store: Store): RegistryStorage & AsyncDisposable {
  let leases: { readonly lease: Lease; readonly since: number }[] = []

  const keep = (digest: Digest): void => {
    const now = Date.now()
    if (leases.length === 0 || (leases.at(-1)?.since ?? 0) < now - span) {
      leases.push({ lease: store.lease([]), since: now })
      // One of before the last half hour may still have to hold, older ones not.
      for (const old of leases.slice(0, -2)) void old.lease[Symbol.asyncDispose]()
      leases = leases.slice(-2)
    }
    leases.at(-1)?.lease.add(digest)
  }

  return {
    id: store.id,
    directory: join(store.root, 'repositories'),
    open: (descriptor, options) => store.open(descriptor, options),
    size: async (digest) => store.size(digest),
    async touch(digest) {
      keep(digest)
      return store.touch(digest)
    },
    file: (digest) => store.path(digest),
    async stage(key, algorithm = 'sha256') {
      const staging = await store.stage(key === undefined ? { algorithm } : { key, algorithm })
      return {
        get size() {
          return staging.size
        },
        write: (chunk) => staging.write(chunk),
        flush: () => staging.flush(),
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
    retain: (owner, digest) => store.pin(owner, digest),
    release: (owner, digest) => store.unpin(owner, digest),
    async [Symbol.asyncDispose]() {
      for (const { lease } of leases) await lease[Symbol.asyncDispose]()
      leases = []
    },
  }
}
