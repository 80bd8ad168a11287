import { performance } from 'node:perf_hooks'

/** Does something and tells how long it took. @returns milliseconds */
export async function timed(what: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await what()
  return performance.now() - began
}
