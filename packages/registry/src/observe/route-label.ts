import { parseRoute } from '../route.ts'

/** What kind of thing a path asks for, for a metric's label: a closed set, whatever clients send. */
export function routeLabel(path: string): string {
  if (path === '/v2/_oci/ext/discover') return 'discover'
  if (path.startsWith('/v2/_gantry/')) return 'extension'
  try {
    return parseRoute(path)?.kind ?? 'other'
  } catch {
    return 'invalid'
  }
}

const methods = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS'])

/** A method, for a metric's label. */
export function methodLabel(method: string): string {
  return methods.has(method) ? method : 'OTHER'
}
