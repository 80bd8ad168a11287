import type { Http } from './http.ts'
import type { EndpointSettings } from './types/container.ts'
import type { NetworkCreateBody, NetworkCreated, NetworkInspect } from './types/network.ts'
import { filtersText, query, type Filters } from './query.ts'

/** Verbs of networks. */
export interface NetworksApi {
  list(options?: { filters?: Filters }): Promise<NetworkInspect[]>
  create(body: NetworkCreateBody): Promise<NetworkCreated>
  inspect(name: string): Promise<NetworkInspect>
  remove(name: string): Promise<void>
  /** Connects a container, running or not. */
  connect(name: string, container: string, settings?: EndpointSettings): Promise<void>
  disconnect(name: string, container: string, options?: { force?: boolean }): Promise<void>
  /** Removes the networks that no container uses. */
  prune(options?: { filters?: Filters }): Promise<{ NetworksDeleted: string[] | null }>
}

/** Verbs of networks over an HTTP connection. */
export function networksApi(http: Http): NetworksApi {
  return {
    list: ({ filters } = {}) => http.json('GET', `/networks${query({ filters: filtersText(filters) })}`),
    create: (body) => http.json('POST', '/networks/create', { json: body }),
    inspect: (name) => http.json('GET', path(name)),
    remove: async (name) => {
      await http.empty('DELETE', path(name))
    },
    connect: async (name, container, settings = {}) => {
      await http.empty('POST', `${path(name)}/connect`, { json: { Container: container, EndpointConfig: settings } })
    },
    disconnect: async (name, container, { force = false } = {}) => {
      await http.empty('POST', `${path(name)}/disconnect`, { json: { Container: container, Force: force } })
    },
    prune: ({ filters } = {}) => http.json('POST', `/networks/prune${query({ filters: filtersText(filters) })}`),
  }
}

function path(name: string): string {
  return `/networks/${encodeURIComponent(name)}`
}
