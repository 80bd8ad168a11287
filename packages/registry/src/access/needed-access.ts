import { isRepositoryName } from '@gantry/oci'
import type { RegistryRequest } from '../exchange.ts'
import { parseRoute } from '../route.ts'
import type { Route } from '../route.ts'
import { WireError } from '../wire-error.ts'
import type { Grant } from './rules.ts'

/** What somebody must be allowed for a request to be answered. */
export type NeededAccess =
  /** To be known at all: the question by which clients find out how to log in. */
  | { readonly kind: 'login' }
  /** A list of what is there, of which each sees their own. */
  | { readonly kind: 'catalog' }
  | {
      readonly kind: 'repository'
      readonly repository: string
      readonly action: Grant
      /** The repository that a blob is to be mounted from. Without it nothing is mounted, and that is all. */
      readonly from?: string
    }
  /** What is not the distribution API: whoever answers it looks at who asks. */
  | { readonly kind: 'other' }

/** Says what a request needs. What cannot be read needs nothing: it is refused for what it is. */
export function neededAccess(request: RegistryRequest): NeededAccess {
  let route: Route | undefined
  try {
    route = parseRoute(request.path)
  } catch (error) {
    if (error instanceof WireError) return { kind: 'other' }
    throw error
  }
  switch (route?.kind) {
    case undefined:
      return { kind: 'other' }
    case 'base':
      return { kind: 'login' }
    case 'catalog':
      return { kind: 'catalog' }
    case 'discover':
      if (route.repository === undefined) return { kind: 'other' }
      return { kind: 'repository', repository: route.repository, action: 'pull' }
    case 'uploads':
      return { kind: 'repository', repository: route.repository, action: 'push', ...sourceOf(request) }
    case 'upload':
      return { kind: 'repository', repository: route.repository, action: 'push' }
    case 'blob':
    case 'manifest':
    case 'tags':
    case 'referrers':
      return { kind: 'repository', repository: route.repository, action: actionOf(request.method) }
  }
}

function actionOf(method: string): Grant {
  if (method === 'GET' || method === 'HEAD') return 'pull'
  return method === 'DELETE' ? 'delete' : 'push'
}

function sourceOf(request: RegistryRequest): { readonly from?: string } {
  const from = request.query.get('from')
  if (from === null || !request.query.has('mount') || !isRepositoryName(from)) return {}
  return { from }
}
