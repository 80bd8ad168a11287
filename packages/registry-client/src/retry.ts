import { setTimeout as wait } from 'node:timers/promises'
import { RegistryError } from './registry-error.ts'
import type { HttpResponse } from './transport/transport.ts'

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

/** 499 and 52x are those of proxies and content networks that gave up on the registry behind them. */
const passing: ReadonlySet<number> = new Set([408, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524])

/** Whether an answer of that status may be another one next time. */
export function isPassing(status: number): boolean {
  return passing.has(status)
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
  // Anything up to it: clients that failed together must not come back together.
  return policy.random() * Math.min(policy.delay * 2 ** attempt, policy.longest)
}

const months = 'Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec'
const httpDate = new RegExp(String.raw`^[A-Z][a-z]{2}, \d{2} (?:${months}) \d{4} \d{2}:\d{2}:\d{2} GMT$`)

/** When an answer says to come back, in milliseconds from now. A date is taken by the clock of who gave it: ours may be wrong. */
export function retryAfterOf(response: Pick<HttpResponse, 'header'>): number | undefined {
  const now = Date.parse(response.header('date') ?? '')
  return parseRetryAfter(response.header('retry-after'), Number.isNaN(now) ? Date.now() : now)
}

/** Reads `Retry-After`, seconds or an HTTP date, in milliseconds from now; a date that has passed is at once. */
export function parseRetryAfter(header: string | undefined, now: number = Date.now()): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  if (!httpDate.test(text)) return undefined
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(date - now, 0)
}
