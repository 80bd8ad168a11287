import { parseDigest } from '@gantry/oci'
import type { Digest, DigestAlgorithm } from '@gantry/oci'
import { nextNumber } from './next-number.ts'
import type { PooledWorker, WorkerPool } from './worker-pool.ts'

/**
 * A file that others write and a worker hashes as it grows, reading it while it is still in the kernel's memory. Disposing of it
 * ends the reading; the descriptor is the opener's, and stays open until then.
 */
export interface FollowedFile extends AsyncDisposable {
  /** The bytes before `end` are in the file and will not change. */
  advance(end: number): void
  /** The digest of the first `size` bytes; waits for the worker. */
  digest(size: number): Promise<Digest>
}

/** Begins to follow a file; a worker is taken with the first bytes. */
export function followFile(pool: WorkerPool, fd: number, algorithm: DigestAlgorithm): FollowedFile {
  const job = nextNumber()
  let worker: PooledWorker | undefined
  const open = (): PooledWorker => {
    if (worker !== undefined) return worker
    worker = pool.acquire()
    worker.tell({ kind: 'open', job, algorithm, fd, size: 0 })
    return worker
  }
  const last = async (): Promise<void> => {
    // What the worker answers next comes after all that it was told.
    await worker?.ask({ kind: 'digest', job, call: nextNumber(), algorithm }).catch(() => undefined)
  }
  return {
    advance: (end) => open().tell({ kind: 'follow', job, size: end }),
    async digest(size) {
      const on = open()
      on.tell({ kind: 'follow', job, size })
      const hex = await on.ask({ kind: 'digest', job, call: nextNumber(), algorithm })
      return parseDigest(`${algorithm}:${hex}`)
    },
    async [Symbol.asyncDispose]() {
      if (worker === undefined) return
      await last()
      worker.tell({ kind: 'close', job })
      pool.release(worker)
      worker = undefined
    },
  }
}
