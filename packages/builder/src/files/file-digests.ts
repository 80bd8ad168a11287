import { createHash, hash } from 'node:crypto'
import type { Codec } from '@gantry/image'
import { digestHex } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { DiskIdentity } from './directory-tree.ts'
import type { FileNode } from './node.ts'

/** Hashes file contents and remembers the result by inode, size and times, so that an unchanged file costs a `stat`. */
export interface FileDigests {
  /** The sha256 of a content in hex; `read` is called when it is not known. */
  of(node: FileNode, identity: DiskIdentity | undefined, read: () => AsyncIterable<Uint8Array>): Promise<string>
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

/** Digests remembered in the table `builder_files`. */
export function createFileDigests(state: State, codec: Pick<Codec, 'hasher'>): FileDigests {
  const learned: Learned[] = []
  const find = state.prepare(
    'SELECT digest FROM builder_files WHERE dev = ? AND ino = ? AND size = ? AND mtime = ? AND ctime = ?',
  )
  return {
    async of(node, identity, read) {
      if (identity === undefined) return hashBody(node.size, read(), codec)
      const { dev, ino, mtimeMs, ctimeMs } = identity
      const row = find.get(dev, ino, node.size, mtimeMs, ctimeMs)
      if (row !== undefined) return String(row['digest'])
      const started = Date.now()
      const digest = await hashBody(node.size, read(), codec)
      if (ctimeMs < started - racyMilliseconds) learned.push({ dev, ino, size: node.size, mtimeMs, ctimeMs, digest })
      return digest
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
