import type { State } from '@gantry/state'
import { readScrubPosition } from './scrub-position.ts'

/** How soon after its start a server goes on with what is due, in milliseconds. */
const soon = 60_000

/**
 * How long a server that has just begun waits before it checks its blobs, in milliseconds: not long, when a round was stopped or
 * is due; an interval at most, whatever the clock says.
 */
export function nextScrub(state: State, every: number | undefined, now: number): number | undefined {
  if (every === undefined) return undefined
  const { position, completed } = readScrubPosition(state)
  if (position !== '') return soon
  const since = completed === undefined ? 0 : Math.max(0, now - completed)
  return Math.max(Math.min(soon, every), every - since)
}
