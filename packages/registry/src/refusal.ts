import { errorResponse } from './error-response.ts'
import type { RegistryRequest, RegistryResponse } from './exchange.ts'
import { toWireError } from './wire-error.ts'
import type { WireError } from './wire-error.ts'

/**
 * The answer to a request that failed, which for a `HEAD` has no body. `onFault` is told of what is the server's own fault, and
 * `onRefused` of everything, as the client is told it.
 */
export function refusal(
  error: unknown,
  request: RegistryRequest,
  {
    onFault,
    onRefused,
  }: {
    readonly onFault?: ((error: unknown, request: RegistryRequest) => void) | undefined
    readonly onRefused?: (wire: WireError) => void
  },
): RegistryResponse {
  const wire = toWireError(error)
  if (wire.code === 'UNKNOWN') onFault?.(error, request)
  onRefused?.(wire)
  const response = errorResponse(wire)
  return request.method === 'HEAD' ? { status: response.status, headers: response.headers } : response
}
