import { createLimiter } from '@gantry/image'
import type { Limiter } from '@gantry/image'

/** How large blobs move. */
export interface TransferOptions {
  /** What is asked for at once of a blob that is pulled in parts, in bytes. Default: 8 MiB. */
  readonly segment?: number
  /** Connections for one blob. Default: 4. */
  readonly connections?: number
  /** Parts that are pulled from one registry at once, of all its blobs. Default: 8. */
  readonly perHost?: number
  /** Parts that are pulled at once, from all registries. Default: 16. */
  readonly total?: number
  /** Blobs beyond this size are pushed in chunks, so that a push that breaks off need not begin again. Default: 128 MiB. */
  readonly chunkAbove?: number
  /** A chunk of a push, in bytes; registries may want larger ones. Default: 64 MiB. */
  readonly chunk?: number
}

/** {@link TransferOptions} with everything filled in, and the counters behind them. */
export interface TransferLimits extends Required<TransferOptions> {
  /** Runs work when neither its registry nor all of them together are asked for too much. */
  limit<T>(registry: string, work: () => Promise<T>): Promise<T>
}

/** Fills in what is not said. */
export function transferLimits(options: TransferOptions = {}): TransferLimits {
  const mebibyte = 1024 * 1024
  const filled = {
    segment: 8 * mebibyte,
    connections: 4,
    perHost: 8,
    total: 16,
    chunkAbove: 128 * mebibyte,
    chunk: 64 * mebibyte,
    ...options,
  }
  const all = createLimiter(filled.total)
  const hosts = new Map<string, Limiter>()
  return {
    ...filled,
    limit(registry, work) {
      const host = hosts.get(registry) ?? createLimiter(filled.perHost)
      hosts.set(registry, host)
      return host(() => all(work))
    },
  }
}
