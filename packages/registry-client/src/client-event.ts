import type { RateLimit } from './rate-limit.ts'

/** What a client tells on its way. Never holds a secret. */
export type ClientEvent =
  /** What the registry lets us do, as it said with an answer; told when it changes. */
  | { readonly kind: 'rate-limit'; readonly registry: string; readonly limit: RateLimit }
  /** Something failed that may pass; it is tried again after `wait` milliseconds. */
  | {
      readonly kind: 'retry'
      readonly registry: string
      readonly purpose: string
      readonly wait: number
      readonly status?: number
      readonly code?: string
    }
  /** A mirror could not help, and the next in line is asked. */
  | { readonly kind: 'mirror-failed'; readonly registry: string; readonly mirror: string; readonly reason: string }
  /** What a registry wants people to read (`Warning: 299`); told once. */
  | { readonly kind: 'warning'; readonly registry: string; readonly text: string }
  /** A blob's bytes were wrong; it is fetched again from its start, once. */
  | { readonly kind: 'restart'; readonly registry: string; readonly digest: string }
  /** A push goes on with the bytes that the registry has. */
  | { readonly kind: 'upload-resumed'; readonly registry: string; readonly digest: string; readonly offset: number }
