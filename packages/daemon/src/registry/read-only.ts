import { jsonResponse } from '@gantry/registry'
import type { Answer } from '@gantry/registry'

const readers = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Lets nothing through that would change what is there. */
export function readOnly(next: Answer): Answer {
  const refusal = { errors: [{ code: 'UNSUPPORTED', message: 'this registry is read-only' }] }
  return async (request) =>
    readers.has(request.method) ? next(request) : jsonResponse(405, refusal, { Allow: 'GET, HEAD' })
}
