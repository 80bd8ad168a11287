import { networkOf } from './network-of.ts'
import { steadyNow } from '../clock/steady-clock.ts'

/** How many failures are let pass in how many milliseconds. */
export interface ThrottleLimits {
  readonly failures: number
  readonly within: number
}

const mostPeers = 10_000

/** Counts what clients got wrong, by their address, so that secrets cannot be guessed. The memory it takes is bounded. */
export class PeerThrottle {
  readonly #limits: ThrottleLimits
  readonly #now: () => number
  readonly #failures = new Map<string, number[]>()

  constructor(limits: ThrottleLimits, now: () => number = steadyNow) {
    this.#limits = limits
    this.#now = now
  }

  /** How many milliseconds the client has to wait; 0 when it need not. */
  wait(peer: string | undefined): number {
    const now = this.#now()
    const times = this.#failures.get(networkOf(peer)) ?? []
    const recent = times.filter((time) => time > now - this.#limits.within)
    if (recent.length < this.#limits.failures) return 0
    return Math.max(1, (recent[recent.length - this.#limits.failures] ?? now) + this.#limits.within - now)
  }

  /** Counts a failure, or an attempt that may become one. */
  add(peer: string | undefined): void {
    const now = this.#now()
    const key = networkOf(peer)
    const times = (this.#failures.get(key) ?? []).filter((time) => time > now - this.#limits.within)
    // Put at the end: what stands first has failed longest ago.
    this.#failures.delete(key)
    this.#failures.set(key, [...times, now].slice(-this.#limits.failures))
    if (this.#failures.size <= mostPeers) return
    const [oldest] = this.#failures.keys()
    if (oldest !== undefined) this.#failures.delete(oldest)
  }

  /** Takes the last one back: it was none. */
  forgive(peer: string | undefined): void {
    const times = this.#failures.get(networkOf(peer))
    times?.pop()
    if (times?.length === 0) this.#failures.delete(networkOf(peer))
  }
}
