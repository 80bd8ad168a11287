import { createHash } from 'node:crypto'
import { closeSync, openSync, statSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { digestAlgorithm, digestHex } from '@gantry/oci'
import { TarReader } from '@gantry/tar'
import { SnapshotError } from '../snapshot-error.ts'
import type { UnpackCall, Unpacked } from '../worker-calls.ts'
import { Extractor } from './extractor.ts'
import { readLayerFile } from './read-layer-file.ts'

// No honest layer expands so far: gzip reaches a thousandfold on zeros, but files of an image do not consist of them.
const bombAllowance = 8 * 2 ** 30
const bombRatio = 300

/** How a blob is unpacked. */
export interface UnpackBlobOptions {
  readonly signal: AbortSignal
  readonly onProgress: (bytes: number) => void
  /** Of a blob that grows: waits until there are more than `position` bytes, answers with how many. */
  readonly reach: (position: number, signal: AbortSignal) => Promise<number>
}

/**
 * Unpacks a layer's blob into an empty directory: reads, decompresses, hashes and writes in one pass, with memory for a few
 * chunks. Made for a worker, which it blocks.
 *
 * @throws SnapshotError DIGEST_MISMATCH, LAYER_INVALID
 * @throws TarError, SystemCallError
 */
export async function unpackBlob(
  call: UnpackCall,
  { signal, onProgress, reach }: UnpackBlobOptions,
): Promise<Unpacked> {
  const root = openSync(call.target, 'r')
  const extractor = new Extractor(root, call.format)
  const reader = new TarReader()
  const hash = createHash(digestAlgorithm(call.diffId))
  let size = 0
  try {
    const { blob, growing, compression } = call
    const limit = (growing?.size ?? statSync(blob).size) * bombRatio + bombAllowance
    const source = growing === undefined ? blob : { ...growing, path: blob, reach: (at: number) => reach(at, signal) }
    for await (const chunk of readLayerFile(source, compression, onProgress)) {
      // Lets the thread hear that it is to stop.
      await setImmediate()
      signal.throwIfAborted()
      size += chunk.length
      if (size > limit) throw new SnapshotError('LAYER_INVALID', tooLarge(call, limit))
      hash.update(chunk)
      reader.push(chunk)
      for (let event = reader.read(); event !== undefined; event = reader.read()) extractor.take(event)
    }
    reader.finish()
    const found = hash.digest('hex')
    if (found !== digestHex(call.diffId)) {
      const message = `Cannot unpack layer ${call.diffId}: its content is ${digestAlgorithm(call.diffId)}:${found}`
      throw new SnapshotError('DIGEST_MISMATCH', message, {
        hint: 'the layer was damaged or tampered with; pull it again',
      })
    }
    return { extracted: extractor.finish(), bytes: size }
  } catch (error) {
    throw asLayerError(error, call)
  } finally {
    extractor.close()
    closeSync(root)
  }
}

function tooLarge({ diffId }: UnpackCall, limit: number): string {
  return `Cannot unpack layer ${diffId}: more than ${String(limit)} bytes come out of it`
}

/** A damaged archive or stream is the layer's fault; what the system says stays what it is. */
function asLayerError(error: unknown, { diffId }: UnpackCall): unknown {
  if (!(error instanceof Error)) return error
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return Object.assign(new Error(`Cannot unpack layer ${diffId}`, { cause: error }), { code })
  }
  const damaged = error.name === 'TarError' || /^(Z_|ZSTD_|ERR_ZLIB|ENOTDIR|ELOOP|EXDEV|ENAMETOOLONG)/.test(code)
  if (!damaged) return error
  return new SnapshotError('LAYER_INVALID', `Cannot unpack layer ${diffId}: ${error.message}`, { cause: error })
}
