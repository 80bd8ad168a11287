import type { Codec, Hasher } from '@gantry/image'
import type { DigestAlgorithm } from '@gantry/oci'
import { decompress } from './decompress.ts'
import type { CompressionKind, DecompressOptions } from './decompress.ts'
import { followFile } from './followed-file.ts'
import type { FollowedFile } from './followed-file.ts'
import { gzip } from './gzip.ts'
import { Slabs } from './slabs.ts'
import { stageFile } from './staged-file.ts'
import type { StagedFile, StageOptions } from './staged-file.ts'
import { StreamIntake } from './stream-intake.ts'
import { WorkerPool } from './worker-pool.ts'
import { zstd } from './zstd.ts'

/** The codec of Node: hashing on worker threads, compression on libuv's, files that are hashed as they are written. */
export interface NodeCodec extends Codec, AsyncDisposable {
  /** As in `Codec`, with a bound on what comes out. See {@link DecompressOptions}. */
  decompress(
    kind: CompressionKind,
    body: AsyncIterable<Uint8Array>,
    options?: DecompressOptions,
  ): AsyncIterable<Uint8Array>
  /** Opens a file that a worker writes and hashes. See {@link StagedFile}. */
  stage(path: string, options?: StageOptions): Promise<StagedFile>
  /** Hashes a file on a worker while others write it. See {@link FollowedFile}. */
  follow(fd: number, algorithm: DigestAlgorithm): FollowedFile
  /** Ends the workers. What is under way fails with WORKER_DIED, what comes later with CODEC_CLOSED. Not needed to exit. */
  close(): Promise<void>
}

/**
 * Makes a codec. It costs nothing until it is used: workers start when a stream is larger than half a mebibyte, at most one
 * per core, and they never keep the process alive.
 */
export function createCodec(): NodeCodec {
  const parts = { pool: new WorkerPool(), slabs: new Slabs() }
  // A hasher has no end but its digest: of one that is given up the parts come back when it is collected.
  const abandoned = new FinalizationRegistry<StreamIntake>((intake) => void intake.close())
  return {
    hasher(algorithm) {
      const intake = new StreamIntake({ ...parts, algorithm, size: 0 })
      const hasher: Hasher = {
        update: (chunk) => intake.write(chunk),
        async digest() {
          try {
            return await intake.digest(algorithm)
          } finally {
            await intake.close()
          }
        },
      }
      abandoned.register(hasher, intake)
      return hasher
    },
    compress: (kind, body, options) => (kind === 'gzip' ? gzip(body, options) : zstd(body, options)),
    decompress: (kind, body, options) => decompress(kind, body, options),
    stage: (path, options) => stageFile(path, parts, options),
    follow: (fd, algorithm) => followFile(parts.pool, fd, algorithm),
    close: () => parts.pool.close(),
    [Symbol.asyncDispose]: () => parts.pool.close(),
  }
}
