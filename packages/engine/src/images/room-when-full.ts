import type { Store } from '@gantry/store'

/** Watches work that fills the disk; see {@link roomWhenFull}. */
export interface FullDiskWatch extends AsyncDisposable {
  /** Passes on what the work comes to, and remembers whether it failed for want of room. */
  watch<T>(work: Promise<T>): Promise<T>
}

const fullCodes: readonly string[] = ['STORE_FULL', 'STATE_FULL', 'ENOSPC', 'EDQUOT']

/**
 * When a transfer has filled the disk, what it has brought is of no use any more, and nobody has room to bring the rest: it is
 * removed at once instead of waiting for its next try. To be made before the lease, so that it is disposed of after it.
 */
export function roomWhenFull(store: Pick<Store, 'gc'>): FullDiskWatch {
  let full = false
  return {
    watch: (work) =>
      work.catch((error: unknown) => {
        full ||= isFull(error)
        throw error
      }),
    [Symbol.asyncDispose]: async () => {
      // The failure that is on its way says more than one of tidying up.
      if (full) await store.gc({ grace: 0 }).catch(() => undefined)
    },
  }
}

function isFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && fullCodes.includes(String(error.code))) || isFull(error.cause)
}
