import { createHash, hash } from 'node:crypto'
import type { Codec } from '@gantry/image'
import { digestHex } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { DiskIdentity } from './directory-tree.ts'
import type { FileNode } from './node.ts'

/** Hashes file contents and remembers the result by inode, size and times, so that an unchanged file costs a `stat`. */
export interface FileDigests {
  /** The sha256 of a content in hex, at once when it is known; `read` is called when it is not. */
  of(
    node: FileNode,
    identity: DiskIdentity | undefined,
    read: () => AsyncIterable<Uint8Array>,
  ): Promise<string> | string
  /** Writes down what was learned since the last time, in one transaction. */
  flush(): void
}

/**
 * A change within this time of the last one may leave all times of a file as they are (the clock that files are stamped
 * with ticks every 4 to 10 ms), so what changed so recently is not remembered.
 */
const racyMilliseconds = 100
const onWorkers = 8 << 20

interface Learned extends DiskIdentity {
  readonly size: number
  readonly digest: string
}

interface Remembered {
  readonly size: number
  readonly mtime: number
  readonly ctime: number
  readonly digest: string
}

/** So many look-ups are made one by one; whoever asks for more has a large tree, for which all of a device are read at once. */
const fewLookups = 200

/** Digests remembered in the table `builder_files`. */
export function createFileDigests(state: State, codec: Pick<Codec, 'hasher'>): FileDigests {
  const learned: Learned[] = []
  const find = state.prepare(
    'SELECT digest FROM builder_files WHERE dev = ? AND ino = ? AND size = ? AND mtime = ? AND ctime = ?',
  )
  const devices = new Map<number, ReadonlyMap<number, Remembered>>()
  let lookups = 0
  const known = (size: number, { dev, ino, mtimeMs, ctimeMs }: DiskIdentity): string | undefined => {
    if (++lookups <= fewLookups) {
      const digest = find.get(dev, ino, size, mtimeMs, ctimeMs)?.['digest']
      return digest === undefined ? undefined : String(digest)
    }
    let device = devices.get(dev)
    if (device === undefined) devices.set(dev, (device = readDevice(state, dev)))
    const row = device.get(ino)
    return row?.size === size && row.mtime === mtimeMs && row.ctime === ctimeMs ? row.digest : undefined
  }
  const learn = async (
    { size }: FileNode,
    identity: DiskIdentity,
    read: () => AsyncIterable<Uint8Array>,
  ): Promise<string> => {
    const started = Date.now()
    const digest = await hashBody(size, read(), codec)
    if (identity.ctimeMs < started - racyMilliseconds) learned.push({ ...identity, size, digest })
    return digest
  }
  return {
    of(node, identity, read) {
      if (identity === undefined) return hashBody(node.size, read(), codec)
      return known(node.size, identity) ?? learn(node, identity, read)
    },
    flush() {
      if (learned.length === 0) return
      const remember = state.prepare(
        `INSERT INTO builder_files (dev, ino, size, mtime, ctime, digest) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (dev, ino) DO UPDATE SET size = excluded.size, mtime = excluded.mtime, ctime = excluded.ctime, digest = excluded.digest`,
      )
      state.transaction(() => {
        for (const { dev, ino, size, mtimeMs, ctimeMs, digest } of learned) {
          remember.run(dev, ino, size, mtimeMs, ctimeMs, digest)
        }
      })
      learned.length = 0
    },
  }
}

function readDevice(state: State, dev: number): ReadonlyMap<number, Remembered> {
  const rows = new Map<number, Remembered>()
  // A statement of its own: the shared one must not give arrays to others.
  const all = state.db.prepare('SELECT ino, size, mtime, ctime, digest FROM builder_files WHERE dev = ?')
  all.setReturnArrays(true)
  for (const row of all.all(dev) as unknown as readonly (readonly [number, number, number, number, string])[]) {
    const [ino, size, mtime, ctime, digest] = row
    rows.set(ino, { size, mtime, ctime, digest })
  }
  return rows
}

/** Hashes without remembering, for trees whose inode numbers mean nothing tomorrow. */
export function transientDigests(codec: Pick<Codec, 'hasher'>): FileDigests {
  return { of: (node, _identity, read) => hashBody(node.size, read(), codec), flush: () => undefined }
}

async function hashBody(size: number, body: AsyncIterable<Uint8Array>, codec: Pick<Codec, 'hasher'>): Promise<string> {
  if (size > onWorkers) {
    const hasher = codec.hasher('sha256')
    for await (const chunk of body) await hasher.update(chunk)
    return digestHex(await hasher.digest())
  }
  let only: Uint8Array | undefined
  let hasher: ReturnType<typeof createHash> | undefined
  for await (const chunk of body) {
    if (only === undefined) only = chunk
    else {
      hasher ??= createHash('sha256').update(only)
      hasher.update(chunk)
    }
  }
  return hasher?.digest('hex') ?? hash('sha256', only ?? new Uint8Array(), 'hex')
}
