import { RegistryError } from '@gantry/registry-client'
import { WireError } from '../wire-error.ts'
import type { WireCode } from '../wire-error.ts'

/**
 * Why an upstream did not give what was asked for: it does not have it, does not let this registry have it, wants to be left
 * alone, or is out of order (`unavailable`: a wrong answer or none; `timeout`: silence).
 */
export type UpstreamFailureKind = 'absent' | 'denied' | 'limited' | 'unavailable' | 'timeout'

/** What an {@link UpstreamFailure} knows beside its kind. */
export interface UpstreamFailureContext {
  readonly status?: number
  /** In milliseconds. */
  readonly retryAfter?: number
  readonly cause?: unknown
}

/** An upstream that did not give what was asked for. The message is for clients: it has no address and no secret in it. */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure'
  readonly code = 'UPSTREAM_FAILED'
  readonly kind: UpstreamFailureKind
  readonly status: number | undefined
  readonly retryAfter: number | undefined

  constructor(kind: UpstreamFailureKind, registry: string, context: UpstreamFailureContext = {}) {
    const { status } = context
    super(sentence(kind, registry, status), 'cause' in context ? { cause: context.cause } : {})
    this.kind = kind
    this.status = status
    this.retryAfter = context.retryAfter
  }

  /** Whether what was fetched before may be given out instead. */
  get isPassing(): boolean {
    return this.kind === 'limited' || this.kind === 'unavailable' || this.kind === 'timeout'
  }
}

/** Says in the words of this package how a request to an upstream failed. */
export function upstreamFailureOf(error: unknown, registry: string): UpstreamFailure {
  if (error instanceof UpstreamFailure) return error
  if (!(error instanceof RegistryError)) return new UpstreamFailure('unavailable', registry, { cause: error })
  const context = {
    cause: error,
    ...(error.status === undefined ? {} : { status: error.status }),
    ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }),
  }
  return new UpstreamFailure(kindOf(error), registry, context)
}

/** Says in the words of the wire that an upstream failed, about what was asked for. */
export function upstreamWireError(failure: UpstreamFailure, missing: WireCode, what: string): WireError {
  const { kind, retryAfter, message, cause } = failure
  const seconds = Math.ceil((retryAfter ?? 0) / 1000)
  const headers = seconds > 0 ? { 'Retry-After': String(seconds) } : {}
  const options = { headers, cause: cause ?? failure }
  switch (kind) {
    case 'absent':
      return new WireError(missing, `${what}: ${message}`, options)
    case 'denied':
      return new WireError('DENIED', `${what}: ${message}`, options)
    case 'limited':
      return new WireError('TOOMANYREQUESTS', `${what}: ${message}`, options)
    case 'timeout':
      return new WireError('UNKNOWN', `${what}: ${message}`, { ...options, status: 504 })
    case 'unavailable':
      return new WireError('UNKNOWN', `${what}: ${message}`, { ...options, status: 502 })
  }
}

/** The kind of failure that a status stands for. */
export function failureKindOf(status: number): UpstreamFailureKind {
  if (status === 404 || status === 410) return 'absent'
  if (status === 401 || status === 403) return 'denied'
  return status === 429 ? 'limited' : 'unavailable'
}

function kindOf({ code, status }: RegistryError): UpstreamFailureKind {
  if (code === 'TIMEOUT') return 'timeout'
  if (code === 'UNAUTHORIZED' || code === 'DENIED') return 'denied'
  if (code === 'TOOMANYREQUESTS') return 'limited'
  return status === undefined ? 'unavailable' : failureKindOf(status)
}

function sentence(kind: UpstreamFailureKind, registry: string, status: number | undefined): string {
  switch (kind) {
    case 'absent':
      return `the upstream ${registry} does not have it`
    case 'denied':
      return `the upstream ${registry} does not give it to this registry`
    case 'limited':
      return `the upstream ${registry} has had too many requests`
    case 'timeout':
      return `the upstream ${registry} did not answer in time`
    case 'unavailable':
      return status === undefined
        ? `the upstream ${registry} could not be asked`
        : `the upstream ${registry} answered ${status}`
  }
}
