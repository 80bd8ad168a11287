import { createHash, hash } from 'node:crypto'
import type { Codec } from '@gantry/image'
import { digestHex } from '@gantry/oci'
import type { State } from '@gantry/state'
import type { DiskIdentity } from './directory-tree.ts'
import type { FileNode } from './node.ts'

/** Hashes file contents and remembers the result by inode, size and times, so that an unchanged file costs a `stat`. */
export interface FileDigests {
  /** Whether others may write to the files that are hashed; else nobody but this program does. */
  readonly shared: boolean
  /**
   * The sha256 of a content in hex, at once when it is known; `read` is called when it is not. A file without an identity is read
   * each time.
   */
  of(
    node: FileNode,
    identity: LastingIdentity | undefined,
    read: () => AsyncIterable<Uint8Array>,
  ): Promise<string> | string
  /** Writes down what was learned and is not written yet, in one transaction. */
  flush(): void
}

/**
 * A change within this time of the last one may leave all times of a file as they are (the clock that files are stamped
 * with ticks every 4 to 10 ms), so what changed so recently is not remembered.
 */
const racyMilliseconds = 100

/** Whether a file had last changed so long before a moment (ms) that every change after it shows in its times. */
export function isSettled({ ctimeMs }: Pick<DiskIdentity, 'ctimeMs'>, moment: number): boolean {
  return ctimeMs < moment - racyMilliseconds
}

const onWorkers = 8 << 20

/** What tells a file from every other that was ever seen, on whatever device. */
export interface LastingIdentity extends DiskIdentity {
  /** The file system, as `volumeOf` numbers it. */
  readonly volume: number
}

interface Learned extends LastingIdentity {
  readonly size: number
  readonly digest: string
}

/** What is remembered of a file: its inode number, size, mtime, ctime and digest. */
type Remembered = readonly [number, number, number, number, string]

/**
 * Files of one directory have inode numbers near each other, so what is remembered is read for so many numbers at once: one by one
 * takes longer, and all of a file system is much that nobody asks for.
 */
const inodesOfBlock = 512

/** Not more than so many digests wait to be written down. */
const mostLearned = 8192

/** So many blocks are kept: a tree is read one directory after another. */
const blocksKept = 64

/** Digests remembered in the table `builder_files`. */
export function createFileDigests(state: State, codec: Pick<Codec, 'hasher'>): FileDigests {
  const learned: Learned[] = []
  const readBlock = blockReader(state)
  const blocks = new Map<string, ReadonlyMap<number, Remembered>>()
  const known = (size: number, { volume, ino, mtimeMs, ctimeMs }: LastingIdentity): string | undefined => {
    const number = Math.floor(ino / inodesOfBlock)
    const key = `${volume}:${number}`
    let block = blocks.get(key)
    if (block === undefined) {
      blocks.set(key, (block = readBlock(volume, number)))
      if (blocks.size > blocksKept) blocks.delete(blocks.keys().next().value!)
    }
    const row = block.get(ino)
    return row !== undefined && row[1] === size && row[2] === mtimeMs && row[3] === ctimeMs ? row[4] : undefined
  }
  const learn = async (
    { size }: FileNode,
    identity: LastingIdentity,
    read: () => AsyncIterable<Uint8Array>,
  ): Promise<string> => {
    const started = Date.now()
    const digest = await hashBody(size, read(), codec)
    if (isSettled(identity, started)) learned.push({ ...identity, size, digest })
    if (learned.length >= mostLearned) flush()
    return digest
  }
  const flush = (): void => {
    if (learned.length === 0) return
    const remember = state.prepare(
      `INSERT INTO builder_files (volume, ino, size, mtime, ctime, digest) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (volume, ino) DO UPDATE SET size = excluded.size, mtime = excluded.mtime, ctime = excluded.ctime, digest = excluded.digest`,
    )
    state.transaction(() => {
      for (const { volume, ino, size, mtimeMs, ctimeMs, digest } of learned) {
        remember.run(volume, ino, size, mtimeMs, ctimeMs, digest)
      }
    })
    learned.length = 0
  }
  return {
    shared: true,
    of(node, identity, read) {
      // Numbers above what JavaScript counts exactly would stand for several files.
      if (identity === undefined || !Number.isSafeInteger(identity.ino)) return hashBody(node.size, read(), codec)
      return known(node.size, identity) ?? learn(node, identity, read)
    },
    flush,
  }
}

/** Reads what is remembered of a file system, a block of inode numbers at a time. */
function blockReader(state: State): (volume: number, block: number) => ReadonlyMap<number, Remembered> {
  // A statement of its own: the shared one must not give arrays to others.
  const find = state.db.prepare(
    'SELECT ino, size, mtime, ctime, digest FROM builder_files WHERE volume = ? AND ino BETWEEN ? AND ?',
  )
  find.setReturnArrays(true)
  return (volume, block) => {
    const first = block * inodesOfBlock
    const rows = find.all(volume, first, first + inodesOfBlock - 1) as unknown as readonly Remembered[]
    return new Map(rows.map((row) => [row[0], row]))
  }
}

/** Hashes without remembering, for trees of this program's own whose inode numbers mean nothing tomorrow. */
export function transientDigests(codec: Pick<Codec, 'hasher'>): FileDigests {
  return { shared: false, of: (node, _identity, read) => hashBody(node.size, read(), codec), flush: () => undefined }
}

async function hashBody(size: number, body: AsyncIterable<Uint8Array>, codec: Pick<Codec, 'hasher'>): Promise<string> {
  if (size > onWorkers) {
    const hasher = codec.hasher('sha256')
    for await (const chunk of body) await hasher.update(chunk)
    return digestHex(await hasher.digest())
  }
  let hasher: ReturnType<typeof createHash> | undefined
  for await (const chunk of body) {
    // Nearly all files come in one piece.
    if (chunk.length === size) return hash('sha256', chunk, 'hex')
    hasher ??= createHash('sha256')
    hasher.update(chunk)
  }
  return hasher?.digest('hex') ?? hash('sha256', new Uint8Array(), 'hex')
}
