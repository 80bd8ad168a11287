import type { Socket } from 'node:net'
import { router, type Route } from './http/router.ts'
import { serveConnection, type CommonHeaders } from './http/serve-connection.ts'
import { formatVersion, newestVersion } from './http/version.ts'
import type { DockerApiParts } from './parts.ts'
import { archiveRoutes } from './routes/archive-routes.ts'
import { checkpointRoutes } from './routes/checkpoint-routes.ts'
import { containerRoutes } from './routes/container-routes.ts'
import { eventRoutes } from './routes/event-routes.ts'
import { execRoutes } from './routes/exec-routes.ts'
import { firewallRoutes } from './routes/firewall-routes.ts'
import { gantryRoutes } from './routes/gantry-routes.ts'
import { imageRoutes } from './routes/image-routes.ts'
import { networkRoutes } from './routes/network-routes.ts'
import { pruneRoutes } from './routes/prune-routes.ts'
import { secretRoutes } from './routes/secret-routes.ts'
import { streamRoutes } from './routes/stream-routes.ts'
import { systemRoutes } from './routes/system-routes.ts'
import { unsupportedRoutes } from './routes/unsupported-routes.ts'
import { volumeRoutes } from './routes/volume-routes.ts'

/** Docker's Engine API over an engine. */
export interface DockerApi {
  /** Serves a connection to its end. Never rejects. The socket allows half-open use. */
  serve(socket: Socket): Promise<void>
}

/** Makes the API. Every route is served with and without a version before it. */
export function createDockerApi(parts: DockerApiParts): DockerApi {
  const routes: readonly Route[] = [
    ...pruneRoutes(parts),
    ...containerRoutes(parts),
    ...checkpointRoutes(parts),
    ...streamRoutes(parts),
    ...archiveRoutes(parts),
    ...execRoutes(parts),
    ...imageRoutes(parts),
    ...networkRoutes(parts),
    ...volumeRoutes(parts),
    ...secretRoutes(parts),
    ...systemRoutes(parts),
    ...eventRoutes(parts),
    ...gantryRoutes(parts),
    ...firewallRoutes(parts),
    ...unsupportedRoutes,
  ]
  const headers: CommonHeaders = {
    'Api-Version': formatVersion(newestVersion),
    'Builder-Version': '1',
    'Docker-Experimental': String(parts.experimental ?? false),
    Ostype: 'linux',
    Server: `Gantry/${parts.version} (linux)`,
    Swarm: 'inactive',
  }
  const handler = router(routes)
  return { serve: (socket) => serveConnection(socket, { handler, headers }) }
}
