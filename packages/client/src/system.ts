import type { Http } from './http.ts'
import type { SystemDiskUsage } from './types/image.ts'
import type { EventMessage, PingInfo, SystemInfo, VersionInfo } from './types/system.ts'
import { jsonLines } from './json-lines.ts'
import { filtersText, query, type Filters } from './query.ts'

/** What of the build cache was removed. */
export interface BuildCachePruned {
  CachesDeleted: string[] | null
  SpaceReclaimed: number
}

/** Questions about the daemon itself. */
export interface SystemApi {
  ping(options?: { signal?: AbortSignal }): Promise<PingInfo>
  version(): Promise<VersionInfo>
  info(): Promise<SystemInfo>
  /** What everything takes on the disk. */
  diskUsage(): Promise<SystemDiskUsage>
  /** Removes what builds keep for later ones. */
  pruneBuildCache(options?: { all?: boolean; filters?: Filters }): Promise<BuildCachePruned>
  /** Events as they happen; with `since`, recorded ones first; with `until`, it ends. Times as in `logs`. */
  events(options?: {
    since?: string
    until?: string
    filters?: Filters
    signal?: AbortSignal
  }): AsyncIterable<EventMessage>
}

/** Questions about the daemon over an HTTP connection. */
export function systemApi(http: Http): SystemApi {
  return {
    ping: async ({ signal } = {}) => {
      const response = await http.request('HEAD', '/_ping', { signal })
      await response.discard()
      const { headers } = response
      return {
        apiVersion: headers.get('api-version') ?? '',
        osType: headers.get('ostype') ?? '',
        server: headers.get('server') ?? '',
      }
    },
    version: () => http.json('GET', '/version'),
    info: () => http.json('GET', '/info'),
    pruneBuildCache: ({ all, filters } = {}) =>
      http.json('POST', `/build/prune${query({ all, filters: filtersText(filters) })}`),
    diskUsage: () => http.json('GET', '/system/df'),
    events: async function* ({ since, until, filters, signal } = {}) {
      const target = `/events${query({ since, until, filters: filtersText(filters) })}`
      const response = await http.request('GET', target, { signal })
      yield* jsonLines<EventMessage>(response.body)
    },
  }
}
