import type { Descriptor } from '@gantry/oci'
import { ImageError, type Side } from './errors.ts'

/** Waits for one end of a copy, and says in its errors which end it was. An abort passes as the signal's reason. */
export async function onSide<T>(side: Side, { digest }: Descriptor, signal: AbortSignal, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw error
    // The sink passes on what its body threw; that side is known already.
    if (error instanceof ImageError && error.side !== undefined) throw error
    const code = error instanceof ImageError ? error.code : 'COPY_FAILED'
    const doing = side === 'source' ? 'the source could not give it' : 'the sink could not take it'
    const reason = error instanceof Error ? error.message : String(error)
    throw new ImageError(code, `Cannot copy ${digest}: ${doing}: ${reason}`, { side, cause: error })
  }
}
