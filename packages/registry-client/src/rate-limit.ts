/** What a registry lets somebody do. */
export interface RateLimit {
  /** Requests in a window. */
  readonly limit?: number
  /** Requests that are left in it. */
  readonly remaining?: number
  /** The window, in seconds. */
  readonly window?: number
  /** When there are more again, in seconds. */
  readonly reset?: number
  /** Whom it counts for, as Docker Hub says it: an address or an account. */
  readonly source?: string
}

type Headers = (name: string) => string | undefined

/**
 * Reads the headers of an answer: Docker Hub's `ratelimit-limit: 100;w=21600`, the drafts' `RateLimit-*`, and `X-RateLimit-*`.
 *
 * @returns undefined when they say nothing
 * @see https://docs.docker.com/docker-hub/usage/pulls/
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-07
 */
export function parseRateLimit(header: Headers): RateLimit | undefined {
  const limit = item(header('ratelimit-limit') ?? header('x-ratelimit-limit'))
  const remaining = item(header('ratelimit-remaining') ?? header('x-ratelimit-remaining'))
  const reset = item(header('ratelimit-reset') ?? header('x-ratelimit-reset'))
  const window = limit?.window ?? remaining?.window
  const source = header('docker-ratelimit-source')?.trim()
  const result: RateLimit = {
    ...(limit === undefined ? {} : { limit: limit.value }),
    ...(remaining === undefined ? {} : { remaining: remaining.value }),
    ...(window === undefined ? {} : { window }),
    ...(reset === undefined ? {} : { reset: reset.value }),
    ...(source === undefined || !/^[\w.:@+-]{1,128}$/.test(source) ? {} : { source }),
  }
  return limit === undefined && remaining === undefined ? undefined : result
}

/** `100;w=21600`, of a list the first. */
function item(text: string | undefined): { readonly value: number; readonly window?: number } | undefined {
  const [first = ''] = (text ?? '').split(',', 1)
  const [, value] = /^\s*(\d{1,15})\s*(?:;|$)/.exec(first) ?? []
  if (value === undefined) return undefined
  const [, window] = /;\s*w\s*=\s*"?(\d{1,15})"?\s*(?:;|$)/.exec(first) ?? []
  return { value: Number(value), ...(window === undefined ? {} : { window: Number(window) }) }
}
