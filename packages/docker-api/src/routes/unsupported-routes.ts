import { ApiFailure, notSupported } from '../http/api-failure.ts'
import type { Route } from '../http/router.ts'

const noSwarm =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.'

/** What Docker has and Gantry does not have: said by name, so that nobody takes it for a wrong path. */
export const unsupportedRoutes: readonly Route[] = [
  ...['swarm', 'services', 'nodes', 'tasks', 'secrets', 'configs'].flatMap((part): Route[] =>
    ['GET', 'POST', 'DELETE'].map((method): Route => [
      method,
      new RegExp(`^/${part}(?:/.*)?$`),
      () => {
        throw new ApiFailure(503, noSwarm, 'NO_SWARM')
      },
    ]),
  ),
  later('GET', /^\/containers\/[^/]+\/attach\/ws$/, 'GET /containers/{id}/attach/ws'),
  later('GET', /^\/images\/search$/, 'GET /images/search'),
  later('GET', /^\/distribution\/.+\/json$/, 'GET /distribution/{name}/json'),
  later('POST', /^\/(?:grpc|session)$/, 'the BuildKit API (set DOCKER_BUILDKIT=0, or use "gantry build")'),
  later('POST', /^\/plugins\/.*$/, 'plugins'),
]

function later(method: string, pattern: RegExp, what: string): Route {
  return [
    method,
    pattern,
    () => {
      throw notSupported(what)
    },
  ]
}
