import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Digest, isDigest, limits, OciError, parseDescriptor, parseImageConfig } from '@gantry/oci'
import { chainWith } from '../image/layer-stack.ts'
import type { BuilderPorts } from '../ports.ts'
import { CacheMounts } from './cache-mounts.ts'

/** Something that builds keep so that the next one is faster. */
export interface CacheEntry {
  /** `unpacked`: a file system that steps run on, made again from its layers when it is missing. */
  readonly kind: 'step' | 'unpacked' | 'download' | 'mount' | 'digests'
  /** What it is told apart by: a digest, a path, or a word. */
  readonly id: string
  /** The instruction, the address, the id of the mount. */
  readonly description: string
  /** Bytes on the disk. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly used: number
  /** An image has the same layer: removing the entry frees nothing. */
  readonly shared: boolean
  /** The keys that stand for it. */
  readonly keys: readonly string[]
}

/** Everything that builds keep, the longest unused first. */
export async function listCache({
  state,
  store,
  site,
  snapshots,
}: Pick<BuilderPorts, 'state' | 'store' | 'site' | 'snapshots'>): Promise<readonly CacheEntry[]> {
  const needed = new Set<Digest>()
  for (const { descriptor } of store.names()) for (const digest of await store.reachable(descriptor)) needed.add(digest)
  const steps = new Map<Digest, CacheEntry>()
  for (const row of state.prepare('SELECT key, layer, instruction, used FROM builder_steps').iterate()) {
    const { digest } = parseDescriptor(JSON.parse(String(row['layer'])))
    const known = steps.get(digest)
    steps.set(digest, {
      kind: 'step',
      id: digest,
      description: known?.description ?? String(row['instruction']),
      size: store.size(digest) ?? 0,
      used: Math.max(known?.used ?? 0, Number(row['used'])),
      shared: needed.has(digest),
      keys: [...(known?.keys ?? []), String(row['key'])],
    })
  }
  const downloads = state
    .prepare('SELECT url, digest, used FROM builder_downloads')
    .all()
    .map((row): CacheEntry => {
      const digest = String(row['digest'])
      const size = isDigest(digest) ? (store.size(digest) ?? 0) : 0
      const address = String(row['url'])
      return {
        kind: 'download',
        id: digest,
        description: withoutSecrets(address),
        size,
        used: Number(row['used']),
        shared: false,
        keys: [address],
      }
    })
  const mounts = new CacheMounts(site.root).list().map(({ id, namespace, path, used }): CacheEntry => ({
    kind: 'mount',
    id: path,
    description: namespace === '' ? id : `${id} (${namespace})`,
    size: bytesIn(path),
    used,
    shared: false,
    keys: [],
  }))
  const chains = await imageChains(store)
  const unpacked = snapshots.list().layers.map(({ chain, bytes, used }): CacheEntry => ({
    kind: 'unpacked',
    id: chain,
    description: 'unpacked layer',
    size: bytes,
    used,
    shared: chains.has(chain),
    keys: [],
  }))
  return [...steps.values(), ...unpacked, ...downloads, ...mounts, ...digestsOf(state)].toSorted(
    (a, b) => a.used - b.used,
  )
}

/** The chains of all images that have names. */
async function imageChains(store: BuilderPorts['store']): Promise<ReadonlySet<Digest>> {
  const chains = new Set<Digest>()
  for (const { descriptor } of store.names()) {
    for (const digest of await store.reachable(descriptor)) {
      let chain: Digest | undefined
      for (const diffId of diffIdsOf(store, digest)) {
        chain = chainWith(chain, diffId)
        chains.add(chain)
      }
    }
  }
  return chains
}

/** The layers of an image by its config; none for every other blob. */
function diffIdsOf(store: BuilderPorts['store'], digest: Digest): readonly Digest[] {
  if ((store.size(digest) ?? Infinity) > limits.documentBytes) return []
  const bytes = readFileSync(store.path(digest))
  // A document begins with a brace; everything else that is so small need not be read as one.
  if (bytes[0] !== 0x7b) return []
  try {
    return parseImageConfig(bytes).rootfs.diff_ids
  } catch (error) {
    if (error instanceof OciError) return []
    throw error
  }
}

/** About what a row of the table takes. */
const digestBytes = 150

function digestsOf(state: BuilderPorts['state']): readonly CacheEntry[] {
  const count = Number(state.prepare('SELECT count(*) AS count FROM builder_files').get()?.['count'] ?? 0)
  if (count === 0) return []
  const description = `digests of ${count} files`
  const size = count * digestBytes
  return [{ kind: 'digests', id: 'digests', description, size, used: Date.now(), shared: false, keys: [] }]
}

/** Bytes on the disk below a directory, each file once. */
function bytesIn(directory: string): number {
  const seen = new Set<string>()
  let bytes = 0
  const waiting = [directory]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const found = lstatSync(at, { throwIfNoEntry: false })
    if (found === undefined) continue
    const inode = `${found.dev}:${found.ino}`
    if (!seen.has(inode)) bytes += found.blocks * 512
    seen.add(inode)
    if (!found.isDirectory()) continue
    try {
      for (const name of readdirSync(at)) waiting.push(join(at, name))
    } catch (error) {
      // A build that uses it may remove what is in it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return bytes
}

/** An address as it may be shown: without a password, and without what may be a token in its query. */
function withoutSecrets(text: string): string {
  const url = URL.parse(text)
  if (url === null) return ''
  return `${url.protocol}//${url.host}${url.pathname}${url.search === '' ? '' : '?…'}`
}
