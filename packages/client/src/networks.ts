import type { Http } from './http.ts'
import type { NetworkCreateBody, NetworkCreated, NetworkInspect } from './types/network.ts'
import { filtersText, query, type Filters } from './query.ts'

/** Verbs of networks. */
export interface NetworksApi {
  list(options?: { filters?: Filters }): Promise<NetworkInspect[]>
  create(body: NetworkCreateBody): Promise<NetworkCreated>
  inspect(name: string): Promise<NetworkInspect>
  remove(name: string): Promise<void>
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
  }
}

function path(name: string): string {
  return `/networks/${encodeURIComponent(name)}`
}
