import type { Http } from './http.ts'
import type { Volume, VolumeCreateBody, VolumeList } from './types/volume.ts'
import { filtersText, query, type Filters } from './query.ts'

/** Verbs of volumes. */
export interface VolumesApi {
  list(options?: { filters?: Filters }): Promise<VolumeList>
  create(body?: VolumeCreateBody): Promise<Volume>
  inspect(name: string): Promise<Volume>
  remove(name: string, options?: { force?: boolean }): Promise<void>
  /** Removes the volumes that no container uses and that have no name; with the filter `all=true` those with one, too. */
  prune(options?: { filters?: Filters }): Promise<{ VolumesDeleted: string[] | null; SpaceReclaimed: number }>
}

/** Verbs of volumes over an HTTP connection. */
export function volumesApi(http: Http): VolumesApi {
  return {
    list: ({ filters } = {}) => http.json('GET', `/volumes${query({ filters: filtersText(filters) })}`),
    create: (body = {}) => http.json('POST', '/volumes/create', { json: body }),
    inspect: (name) => http.json('GET', path(name)),
    remove: async (name, { force } = {}) => {
      await http.empty('DELETE', `${path(name)}${query({ force })}`)
    },
    prune: ({ filters } = {}) => http.json('POST', `/volumes/prune${query({ filters: filtersText(filters) })}`),
  }
}

function path(name: string): string {
  return `/volumes/${encodeURIComponent(name)}`
}
