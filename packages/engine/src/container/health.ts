import type { Healthcheck } from '@gantry/oci'
import { EngineError } from '../engine-error.ts'

/** How it is found out whether a container does its work. Times are milliseconds. */
export interface HealthCheck {
  /** `CMD` and arguments, or `CMD-SHELL` and a line for the image's shell. */
  readonly test: readonly string[]
  readonly interval: number
  /** A check that takes longer has failed. */
  readonly timeout: number
  /** Failures within this time after the start do not count, unless a check has succeeded. */
  readonly startPeriod: number
  /** Time between checks within the start period. */
  readonly startInterval: number
  /** So many failures in a row make it unhealthy. */
  readonly retries: number
  readonly onFailure: HealthAction
}

/** What is done with a container that has become unhealthy. `kill` leaves the rest to its restart policy; `stop` does not. */
export type HealthAction = 'none' | 'kill' | 'restart' | 'stop'

/** What is asked for: Docker's form, times in nanoseconds, absent or 0 as the image says. */
export interface HealthRequest extends Healthcheck {
  readonly OnFailure?: HealthAction
}

/** What checks have found out about the present or last run. */
export interface HealthState {
  readonly status: 'starting' | 'healthy' | 'unhealthy'
  readonly failingStreak: number
  /** The last five checks, oldest first. */
  readonly log: readonly HealthResult[]
}

/** One check. Times are milliseconds since the epoch. */
export interface HealthResult {
  readonly start: number
  readonly end: number
  /** 0 is healthy; -1 when the check could not be run or took too long. */
  readonly exitCode: number
  /** At most 4 KiB. */
  readonly output: string
}

const defaults = { interval: 30_000, timeout: 30_000, startPeriod: 0, startInterval: 5000, retries: 3 }
const logged = 5

/** Merges what is asked for with what the image says; undefined where there is nothing to check. Pure.
 * @throws EngineError SPEC_INVALID */
export function planHealth(request: HealthRequest = {}, image: Healthcheck = {}): HealthCheck | undefined {
  const asked = request.Test ?? []
  const test = asked.length > 0 ? asked : (image.Test ?? [])
  const time = (name: 'Interval' | 'Timeout' | 'StartPeriod' | 'StartInterval'): number | undefined => {
    const value = request[name] || image[name] || undefined
    if (value !== undefined && value < 1e6)
      throw new EngineError('SPEC_INVALID', `${name} in Healthcheck cannot be less than 1ms`)
    return value === undefined ? undefined : value / 1e6
  }
  const retries = request.Retries || image.Retries || defaults.retries
  if (retries < 0) throw new EngineError('SPEC_INVALID', 'Retries in Healthcheck cannot be negative')
  const check = {
    interval: time('Interval') ?? defaults.interval,
    timeout: time('Timeout') ?? defaults.timeout,
    startPeriod: time('StartPeriod') ?? defaults.startPeriod,
    startInterval: time('StartInterval') ?? defaults.startInterval,
    retries,
    onFailure: request.OnFailure ?? 'none',
  }
  const [kind, ...words] = test
  if (kind === undefined || kind === 'NONE') {
    if (check.onFailure !== 'none')
      throw new EngineError(
        'SPEC_INVALID',
        `Cannot ${check.onFailure} it when it is unhealthy: nothing checks its health`,
        {
          hint: 'give --health-cmd too',
        },
      )
    return undefined
  }
  if (kind !== 'CMD' && kind !== 'CMD-SHELL')
    throw new EngineError('SPEC_INVALID', `Unknown healthcheck type '${kind}' (expected 'CMD') in container config`)
  if (words.length === 0) throw new EngineError('SPEC_INVALID', 'The health check has no command')
  return { test, ...check }
}

/** The health of a run that begins: checks of earlier runs stay in the log. */
export function healthAtStart(before: HealthState | undefined): HealthState {
  return { status: 'starting', failingStreak: 0, log: before?.log ?? [] }
}

/** The health after a check. Pure. */
export function healthAfter(
  before: HealthState,
  result: HealthResult,
  { check, startedAt }: { check: HealthCheck; startedAt: number },
): HealthState {
  const log = [...before.log, result].slice(-logged)
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log }
  if (before.status === 'starting' && result.start - startedAt < check.startPeriod) return { ...before, log }
  const failingStreak = before.failingStreak + 1
  return { status: failingStreak >= check.retries ? 'unhealthy' : before.status, failingStreak, log }
}

/** When the next check is due. Pure. */
export function nextCheckAt(
  { status, log }: HealthState,
  { check, startedAt, now }: { check: HealthCheck; startedAt: number; now: number },
): number {
  const starting = status === 'starting' && check.startPeriod > 0 && now - startedAt < check.startPeriod
  const last = log.at(-1)
  const from = last === undefined || last.end < startedAt ? startedAt : last.end
  return from + (starting ? check.startInterval : check.interval)
}
