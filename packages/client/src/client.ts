import type { Socket } from 'node:net'
import type { ContainersApi } from './containers.ts'
import type { ExecApi } from './exec.ts'
import type { GantryApi } from './gantry.ts'
import type { RemoteImagesApi } from './images.ts'
import type { NetworksApi } from './networks.ts'
import type { SystemApi } from './system.ts'
import { checkpointsApi, type CheckpointsApi } from './checkpoints.ts'
import type { SecretsApi } from './secrets.ts'
import { secretsApi } from './secrets.ts'
import type { VolumesApi } from './volumes.ts'
import { containersApi } from './containers.ts'
import { execApi } from './exec.ts'
import { gantryApi } from './gantry.ts'
import { Http } from './http.ts'
import { imagesApi } from './images.ts'
import { networksApi } from './networks.ts'
import { systemApi } from './system.ts'
import { volumesApi } from './volumes.ts'

/** A typed client of the daemon's Docker Engine API. Every method throws `ApiError`; closing it drops idle connections. */
export interface Client extends SystemApi, Disposable {
  readonly containers: ContainersApi
  readonly exec: ExecApi
  readonly images: RemoteImagesApi
  readonly networks: NetworksApi
  readonly volumes: VolumesApi
  readonly checkpoints: CheckpointsApi
  readonly secrets: SecretsApi
  readonly gantry: GantryApi
  close(): void
}

/** Where the daemon is. */
export interface ClientOptions {
  /** Path of its unix socket. */
  readonly socket: string
  /** A connection to it that is open already, with half-open use allowed; the first request takes it. */
  readonly connection?: Socket
}

/** Makes a client of the daemon that listens on a unix socket. Connects with the first call, not here. */
export function createClient(options: ClientOptions): Client {
  const http = new Http(options.socket, options.connection)
  return {
    ...systemApi(http),
    containers: containersApi(http),
    exec: execApi(http),
    images: imagesApi(http),
    networks: networksApi(http),
    volumes: volumesApi(http),
    checkpoints: checkpointsApi(http),
    secrets: secretsApi(http),
    gantry: gantryApi(http),
    close: () => http.close(),
    [Symbol.dispose]: () => http.close(),
  }
}
