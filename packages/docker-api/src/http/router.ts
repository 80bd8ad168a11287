import { ApiFailure } from './api-failure.ts'
import type { ApiRequest, Handler, Reply } from './message.ts'

/** A handler with what its path's pattern matched, decoded. */
export type RouteHandler = (request: ApiRequest, ...matched: string[]) => Promise<Reply> | Reply

/** A method, a pattern for the whole path, and what answers. */
export type Route = readonly [method: string, pattern: RegExp, handler: RouteHandler]

/** Answers by the first route that fits; unknown paths are 404 in Docker's words. */
export function router(routes: readonly Route[]): Handler {
  return async (request) => {
    for (const [method, pattern, handler] of routes) {
      if (method !== request.method) continue
      const match = pattern.exec(request.path)
      if (match !== null) return handler(request, ...match.slice(1).map(decode))
    }
    throw new ApiFailure(404, 'page not found', 'PATH_UNKNOWN')
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new ApiFailure(400, `malformed path segment "${text}"`)
  }
}
