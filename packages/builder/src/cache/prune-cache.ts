import { type Digest, isDigest } from '@gantry/oci'
import type { BuilderPorts } from '../ports.ts'
import { CacheMounts } from './cache-mounts.ts'
import { type CacheEntry, listCache } from './list-cache.ts'
import { cacheOwner } from './step-cache.ts'

/** What is pruned. */
export interface PruneCacheOptions {
  /** Only what was not used for so long, in milliseconds. */
  readonly unusedFor?: number
  /** Only so much, the longest unused first, that no more than these bytes are left. */
  readonly keepBytes?: number
  /** Also steps whose layers images have (which frees nothing until those go), and the digests of files. */
  readonly all?: boolean
  /** Remove nothing, only tell. */
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
}

/** What was, or would be, removed. */
export interface PrunedCache {
  readonly removed: readonly CacheEntry[]
  /** Bytes that are free now. */
  readonly bytes: number
}

/**
 * Removes what builds keep for later ones. What an image, a container or a build that runs needs stays: layers are removed only when
 * nothing leads to them, and cache mounts only when nobody holds them.
 */
export async function pruneCache(
  ports: Pick<BuilderPorts, 'state' | 'store' | 'site' | 'snapshots'>,
  options: PruneCacheOptions = {},
): Promise<PrunedCache> {
  const chosen = choose(await listCache(ports), options)
  const sum = (entries: readonly CacheEntry[]): number =>
    entries.reduce((total, { size, shared }) => total + (shared ? 0 : size), 0)
  if (options.dryRun === true) return { removed: chosen, bytes: sum(chosen) }
  const { state, store, site } = ports
  const mounts = new CacheMounts(site.root)
  const removed: CacheEntry[] = []
  const blobs = new Set<Digest>()
  const { doomed, others } = Object.groupBy(chosen, ({ kind }) =>
    kind === 'mount' || kind === 'unpacked' ? 'others' : 'doomed',
  )
  state.transaction(() => {
    for (const entry of doomed ?? []) {
      forget(state, entry)
      if (isDigest(entry.id)) {
        blobs.add(entry.id)
        if (entry.kind === 'step') store.unpin(cacheOwner, entry.id)
      }
      removed.push(entry)
    }
  })
  let bytes = 0
  for (const entry of others ?? []) {
    options.signal?.throwIfAborted()
    if (entry.kind !== 'mount' || !mounts.remove({ path: entry.id })) continue
    removed.push(entry)
    bytes += entry.size
  }
  const signal = options.signal && { signal: options.signal }
  const collected = await store.gc({ only: blobs, grace: 0, ...signal })
  const chains = (others ?? []).flatMap(({ kind, id }) => (kind === 'unpacked' && isDigest(id) ? id : []))
  const layers = chains.length === 0 ? undefined : await ports.snapshots.gc({ only: chains })
  const gone = new Set<string>(layers?.removed)
  removed.push(...(others ?? []).filter(({ kind, id }) => kind === 'unpacked' && gone.has(id)))
  return { removed, bytes: bytes + collected.bytes + (layers?.bytes ?? 0) }
}

function choose(entries: readonly CacheEntry[], options: PruneCacheOptions): readonly CacheEntry[] {
  const { unusedFor, keepBytes, all = false } = options
  const before = unusedFor === undefined ? Infinity : Date.now() - unusedFor
  const candidates = entries.filter(
    ({ used, shared, kind }) => used <= before && (all || (!shared && kind !== 'digests')),
  )
  if (keepBytes === undefined) return candidates
  let left = entries.reduce((total, { size, shared }) => total + (shared ? 0 : size), 0)
  const chosen: CacheEntry[] = []
  for (const entry of candidates) {
    if (left <= keepBytes) break
    chosen.push(entry)
    if (!entry.shared) left -= entry.size
  }
  return chosen
}

function forget(state: BuilderPorts['state'], { kind, keys }: CacheEntry): void {
  switch (kind) {
    case 'step':
      for (const key of keys) state.prepare('DELETE FROM builder_steps WHERE key = ?').run(key)
      return
    case 'download':
      for (const url of keys) state.prepare('DELETE FROM builder_downloads WHERE url = ?').run(url)
      return
    case 'digests':
      state.prepare('DELETE FROM builder_files').run()
      return
    case 'mount':
    case 'unpacked':
  }
}
