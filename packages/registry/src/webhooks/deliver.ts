import type { Delivery } from './webhook-queue.ts'
import { signatureHeader, signMessage } from './sign.ts'
import type { WebhookEndpoint } from './webhooks-config.ts'

/** What came of an attempt. */
export type Attempt =
  | { readonly kind: 'delivered' }
  /** It may be tried again, not before `after` milliseconds if the endpoint says so. */
  | { readonly kind: 'failed'; readonly error: string; readonly after?: number }
  /** The endpoint is gone for good. */
  | { readonly kind: 'refused'; readonly error: string }

const longestWait = 24 * 3_600_000

/**
 * Sends a message to its endpoint. Redirects are never followed: what is signed for one address is not for another, and an
 * endpoint must not be able to make the registry ask others. The answer is not read.
 */
export async function deliver(
  endpoint: WebhookEndpoint,
  delivery: Delivery,
  options: { readonly now: number; readonly signal: AbortSignal },
): Promise<Attempt> {
  const { body, event, kind, attempts } = delivery
  try {
    const response = await fetch(endpoint.url, {
      method: 'POST',
      redirect: 'manual',
      body,
      signal: AbortSignal.any([AbortSignal.timeout(endpoint.timeout), options.signal]),
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'gantry-registry',
        'Gantry-Event': kind,
        'Gantry-Event-Id': event,
        'Gantry-Attempt': String(attempts),
        [signatureHeader]: signMessage(endpoint.secret, body, Math.floor(options.now / 1000)),
      },
    })
    await response.body?.cancel().catch(() => undefined)
    const { status } = response
    if (response.ok) return { kind: 'delivered' }
    if (status === 410) return { kind: 'refused', error: 'it answered 410 Gone' }
    const after = retryAfter(response.headers.get('retry-after'), options.now)
    const what = status >= 300 && status < 400 ? `${status}, a redirect, which is not followed` : String(status)
    return { kind: 'failed', error: `it answered ${what}`, ...(after === undefined ? {} : { after }) }
  } catch (error) {
    return { kind: 'failed', error: describe(error, endpoint.timeout) }
  }
}

function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  const wait = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), longestWait)
}

function describe(error: unknown, timeout: number): string {
  if (!(error instanceof Error)) return 'it could not be reached'
  if (error.name === 'TimeoutError') return `it did not answer within ${timeout} ms`
  const code = error.cause instanceof Error && 'code' in error.cause ? error.cause.code : undefined
  return `it could not be reached${typeof code === 'string' ? ` (${code})` : ''}`
}
