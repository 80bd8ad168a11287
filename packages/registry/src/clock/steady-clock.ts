import { uptime } from 'node:os'

/** Where a steady clock takes the time from. Times are in milliseconds. */
export interface ClockSources {
  /** The machine's clock, since the epoch. */
  readonly wall: () => number
  /** Since the machine was started, what it slept included; to a hundredth of a second. */
  readonly uptime: () => number
  /** Since any moment; it may stand still while the machine sleeps. */
  readonly monotonic: () => number
}

/** How often it is looked for that the machine slept, and what counts as that. */
const fresh = 1000

/**
 * A clock that is right when it is made and only goes on from there, as quickly as time does: when the machine's clock is set
 * ahead or back, what this one says of ages and of times to come stays true.
 */
export class SteadyClock {
  readonly #sources: ClockSources
  /** What is added to the monotonic time. */
  #offset: number
  /** What the uptime was ahead of the monotonic time when it was last asked, and when that was. */
  #ahead: number
  #asked: number

  constructor(sources: Partial<ClockSources> = {}) {
    this.#sources = { wall: Date.now, uptime: () => uptime() * 1000, monotonic: () => performance.now(), ...sources }
    const at = this.#sources.monotonic()
    this.#offset = this.#sources.wall() - at
    this.#ahead = this.#sources.uptime() - at
    this.#asked = at
  }

  /** Milliseconds since the epoch, never less than before. */
  now(): number {
    const at = this.#sources.monotonic()
    if (at - this.#asked >= fresh) {
      const ahead = this.#sources.uptime() - at
      if (ahead - this.#ahead >= fresh) {
        this.#offset += ahead - this.#ahead
        this.#ahead = ahead
      }
      this.#asked = at
    }
    return Math.floor(at + this.#offset)
  }

  /** How far the machine's clock has been set ahead meanwhile; less than nothing when it was set back. */
  drift(): number {
    return this.#sources.wall() - this.now()
  }
}

const clock = new SteadyClock()

/** The time of this process, which does not jump. See {@link SteadyClock}. */
export function steadyNow(): number {
  return clock.now()
}

/** How far the machine's clock has been set since this process began, in milliseconds. */
export function clockDrift(): number {
  return clock.drift()
}
