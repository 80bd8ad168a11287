import type { Engine } from './peers/engine.ts'
import type { GantryPeer } from './peers/gantry.ts'

/** What the suites measure with. */
export interface World {
  readonly gantry: GantryPeer
  /** All that run containers, Gantry first. */
  readonly engines: readonly Engine[]
  /** A small image that all of them have under this name. */
  readonly image: string
  /** A directory for what is thrown away afterwards, seen by all under the same path. */
  readonly work: string
  readonly runs: number
  readonly containers: number
  /** Called between rounds. @throws BenchError INTERRUPTED when the run is to end */
  readonly onRound: (title: string, round: number) => void
  /** Aborted when the run is to end, for what waits long. */
  readonly signal: AbortSignal
}
