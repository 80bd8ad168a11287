import { setTimeout as wait } from 'node:timers/promises'
import { RegistryError } from './registry-error.ts'

/** How often and how soon something is tried again. */
export interface RetryOptions {
  /** Tries in all. Default: 5. */
  readonly attempts?: number
  /** The first wait, in milliseconds; doubled each time. Default: 250. */
  readonly delay?: number
  /** The longest wait, also of one that a registry asks for: beyond it is an error. Default: 60 s. */
  readonly longest?: number
  /** For tests. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>
  readonly random?: () => number
}

/** {@link RetryOptions} with everything filled in. */
export type RetryPolicy = Required<RetryOptions>

/** Fills in what is not said. */
export function retryPolicy(options: RetryOptions = {}): RetryPolicy {
  const sleep: RetryPolicy['sleep'] = (milliseconds, signal) =>
    wait(milliseconds, undefined, signal === undefined ? {} : { signal })
  return { attempts: 5, delay: 250, longest: 60_000, sleep, random: Math.random, ...options }
}

/** Whether an answer of that status may be another one next time. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status === 500 || status === 502 || status === 503 || status === 504
}

/**
 * Whether the same request may reach the registry next time, the `attempt`-th having failed (from 0). Who was silent until
 * the time was up gets one more chance: waiting again and again looks like a program that hangs.
 */
export function isPassingFailure(error: unknown, attempt: number): boolean {
  const codes = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_SOCKET']
  for (let each = error; each instanceof Error; each = each.cause) {
    if ('code' in each && codes.includes(String(each.code))) return each.code !== 'ETIMEDOUT' || attempt === 0
    if (each instanceof RegistryError && each.status !== undefined) return isPassing(each.status)
    if (each.message === 'aborted' || each.message === 'terminated') return true
  }
  return false
}

/** How long to wait before the next try, the `attempt`-th having failed (from 0); `undefined`: not worth it. */
export function waitBefore(policy: RetryPolicy, attempt: number, retryAfter: number | undefined): number | undefined {
  if (attempt + 1 >= policy.attempts) return undefined
  if (retryAfter !== undefined) return retryAfter <= policy.longest ? retryAfter : undefined
  const full = Math.min(policy.delay * 2 ** attempt, policy.longest)
  // Half of it at random: clients that failed together must not come back together.
  return full / 2 + (policy.random() * full) / 2
}

/** Reads `Retry-After`, seconds or a date, in milliseconds from now. */
export function parseRetryAfter(header: string | undefined, now: number = Date.now()): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(date - now, 0)
}
