import type { UpstreamFailure } from './upstream-failure.ts'

/**
 * The `Warning` of an answer that comes from the cache since the upstream is out of order.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#warnings
 */
export function staleWarning(failure: UpstreamFailure): string {
  return `299 - "${failure.message.replaceAll(/["\\]/g, ' ')}; this comes from the cache"`
}
