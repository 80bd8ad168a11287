import { isRepositoryName } from '@gantry/oci'
import type { Catalog } from '../catalog.ts'
import type { Answer, RegistryRequest } from '../exchange.ts'
import { parseRoute } from '../route.ts'
import type { Route } from '../route.ts'
import type { Upstream } from './upstream.ts'

/** What names are found by. */
export interface NamingParts {
  readonly upstreams: readonly Upstream[]
  readonly fallback: Upstream | undefined
  readonly catalog: Pick<Catalog, 'find'>
}

/**
 * Gives requests the names that the content of upstreams has here: `?ns=docker.io` and the path of `library/alpine` become
 * `docker.io/library/alpine`, or whatever the prefix of that upstream is; so do, where there is a default upstream, reads of a
 * repository that is not here. Short names of Docker Hub become long ones: `hub/alpine` is `hub/library/alpine`. It stands
 * before the access control, so that its rules are about the names that are stored.
 */
export function renaming(parts: NamingParts, next: Answer): Answer {
  return async (request) => {
    const route = readRoute(request.path)
    if (route === undefined || route.kind === 'discover' || !('repository' in route)) return next(request)
    const { repository } = route
    const namespace = request.query.get('ns')
    const upstream = parts.upstreams.find((each) => namespace !== null && each.namespaces.includes(namespace))
    if (upstream !== undefined) {
      const response = await next(renamed(request, repository, nameOf(upstream, repository)))
      return { ...response, headers: { ...response.headers, 'OCI-Namespace': namespace ?? upstream.name } }
    }
    const found = upstreamOf(parts.upstreams, repository)
    if (found !== undefined) return next(renamed(request, repository, nameOf(found.upstream, found.rest)))
    const { fallback } = parts
    if (fallback === undefined || !isForDefault(parts, request, route)) return next(request)
    return next(renamed(request, repository, nameOf(fallback, repository)))
  }
}

/** The upstream whose content a repository is, and the rest of its name; `undefined` when it is one of this registry's own. */
export function upstreamOf(
  upstreams: readonly Upstream[],
  repository: string,
): { readonly upstream: Upstream; readonly rest: string } | undefined {
  const upstream = upstreams.find(({ prefix }) => repository.startsWith(`${prefix}/`))
  return upstream === undefined ? undefined : { upstream, rest: repository.slice(upstream.prefix.length + 1) }
}

/** Reads of what is not here. Who asks with HEAD whether a blob is here is about to push it: what an upstream has is no help. */
function isForDefault(
  { catalog }: NamingParts,
  request: RegistryRequest,
  route: Extract<Route, { repository: string }>,
): boolean {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  const isPush = route.kind === 'upload' || (route.kind === 'blob' && request.method === 'HEAD')
  return isRead && !isPush && catalog.find(route.repository) === undefined
}

function nameOf({ prefix, name }: Upstream, rest: string): string {
  return name === 'docker.io' && !rest.includes('/') ? `${prefix}/library/${rest}` : `${prefix}/${rest}`
}

/** What is encoded in a way of its own stays as it is: nobody may reach one name with the rights for another. */
function renamed(request: RegistryRequest, from: string, to: string): RegistryRequest {
  const start = `/v2/${from}/`
  const query = new URLSearchParams(request.query)
  query.delete('ns')
  if (from === to || !isRepositoryName(to) || !request.path.startsWith(start)) return request
  return { ...request, path: `/v2/${to}/${request.path.slice(start.length)}`, query }
}

/** What cannot be read is answered by the core. */
function readRoute(path: string): Route | undefined {
  try {
    return parseRoute(path)
  } catch {
    return undefined
  }
}
