import { isAlive, type ProcessIdentity } from '@gantry/linux'

/** How often is looked, in milliseconds. */
const period = 2000
/** Every so many times it is seen to that a process is still the same, and not a later one with its number. */
const thorough = 15

/**
 * Tells when monitors have ended that another process of ours has started, to which there is no pipe. All are looked at together and
 * cheaply, by a signal that is none: a thousand at a time should not be felt in a daemon that does nothing else.
 */
export class MonitorWatch {
  readonly #watched = new Map<() => void, ProcessIdentity>()
  #timer: NodeJS.Timeout | undefined
  #round = 0

  /** Calls back once, when the process has ended; at once when it has already, but not before this returns. @returns how to stop waiting */
  onEnd(monitor: ProcessIdentity, callback: () => void): () => void {
    const end = (): void => {
      if (this.#forget(end)) callback()
    }
    this.#watched.set(end, monitor)
    this.#timer ??= setInterval(() => {
      this.#look()
    }, period).unref()
    if (!isAlive(monitor)) setImmediate(end)
    return () => {
      this.#forget(end)
    }
  }

  #look(): void {
    this.#round = (this.#round + 1) % thorough
    const lives = this.#round === 0 ? isAlive : isThere
    for (const [end, monitor] of this.#watched) if (!lives(monitor)) end()
  }

  #forget(end: () => void): boolean {
    const isNew = this.#watched.delete(end)
    if (this.#watched.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
    return isNew
  }
}

function isThere({ pid }: ProcessIdentity): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
