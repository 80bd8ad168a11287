import { open } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { Hashing } from '@gantry/image'
import { digestAlgorithm } from '@gantry/oci'
import type { Digest } from '@gantry/oci'

/** What became of checking a blob. */
export interface CheckedBlob {
  readonly problem?: 'wrong' | 'unreadable'
  readonly size: number
  /** The file that was read, for telling it from one that takes its place. */
  readonly inode: number
}

const readSize = 512 * 1024

/** Lets so many bytes through in a second. */
export class Pace {
  readonly #rate: number
  #due = 0

  /** In bytes per second. */
  constructor(rate: number) {
    this.#rate = rate
  }

  /** Waits until so many bytes more are due. */
  async take(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    if (!Number.isFinite(this.#rate)) return
    const now = performance.now()
    this.#due = Math.max(this.#due, now) + (bytes / this.#rate) * 1000
    if (this.#due > now) await wait(this.#due - now, undefined, signal === undefined ? {} : { signal })
  }
}

/** Reads a blob's file and verifies its digest; `undefined` when it is no longer there. */
export async function checkBlob(
  path: string,
  digest: Digest,
  {
    hashing,
    pace,
    signal,
  }: { readonly hashing: Hashing; readonly pace: Pace; readonly signal: AbortSignal | undefined },
): Promise<CheckedBlob | undefined> {
  let file: Awaited<ReturnType<typeof open>>
  try {
    file = await open(path, 'r')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
  const hasher = hashing.hasher(digestAlgorithm(digest))
  try {
    const { ino: inode, size } = await file.stat()
    const buffer = Buffer.allocUnsafeSlow(readSize)
    try {
      for (;;) {
        signal?.throwIfAborted()
        const { bytesRead } = await file.read(buffer, 0, buffer.length)
        if (bytesRead === 0) break
        await hasher.update(buffer.subarray(0, bytesRead))
        await pace.take(bytesRead, signal)
      }
    } catch (error) {
      hasher.discard?.()
      if (isCode(error, 'EIO')) return { problem: 'unreadable', size, inode }
      throw error
    }
    return (await hasher.digest()) === digest ? { size, inode } : { problem: 'wrong', size, inode }
  } finally {
    await file.close()
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
