import type { LogKeeper, Task } from '@gantry/runtime'
import { deferred, type Deferred } from '../deferred.ts'
import { Mutex } from '../mutex.ts'
import type { PendingAttachment } from './pending-attachment.ts'

/** How a run of a container ended. */
export interface ExitInfo {
  readonly exitCode: number
  /** What kept it from running, where something did. */
  readonly error?: string
}

/** What a container has while the daemon lives: its task, who waits for it, who is attached before it starts. */
export interface Live {
  /** Verbs that change the container go one after another. Nobody waits for an exit while holding it: the exit needs it. */
  readonly lock: Mutex
  task: Task | undefined
  readonly attaching: Set<PendingAttachment>
  /** Resolves when the present or next run has ended and what it changed is undone; renewed then. */
  nextExit: Deferred<ExitInfo>
  readonly removed: Deferred<ExitInfo>
  /** Aborts when the present run's output is complete, for those who follow the log. */
  outputEnded: AbortController
  /** Looks after the files of the present run's log. */
  log: LogKeeper | undefined
  /** Ends a delay before a restart. */
  restartDelay: AbortController | undefined
  /** Ends the checks of the present run's health. */
  health: AbortController | undefined
  /** How many restarts have stopped it and not yet started it again: one that goes with its process stays for them. */
  restarts: number
}

/** Live parts of containers, made when first asked for. */
export class LiveContainers {
  /** Where checkpoints are being written: nothing is there yet, and nobody else may have the place. */
  readonly checkpointPaths: Set<string> = new Set()
  readonly #live = new Map<string, Live>()

  /** The live part of a container. */
  of(id: string): Live {
    let live = this.#live.get(id)
    if (live === undefined) {
      live = {
        lock: new Mutex(),
        task: undefined,
        attaching: new Set(),
        nextExit: deferred(),
        removed: deferred(),
        outputEnded: new AbortController(),
        log: undefined,
        restartDelay: undefined,
        health: undefined,
        restarts: 0,
      }
      this.#live.set(id, live)
    }
    return live
  }

  /** Forgets a removed container. */
  delete(id: string): void {
    this.#live.delete(id)
  }
}
