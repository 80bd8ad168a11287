import type { Http } from './http.ts'
import { query } from './query.ts'

/** Where checkpoints are, when they are not with the container: an absolute path on the daemon's machine. */
export interface CheckpointPlace {
  readonly directory?: string | undefined
}

/** Verbs of checkpoints; starting from one is `containers.start`. `container` is an id or a name. */
export interface CheckpointsApi {
  /** The container ends, unless it is to be left running. */
  create(container: string, name: string, options?: CheckpointPlace & { leaveRunning?: boolean }): Promise<void>
  list(container: string, options?: CheckpointPlace): Promise<{ readonly Name: string }[]>
  remove(container: string, name: string, options?: CheckpointPlace): Promise<void>
}

/** Verbs of checkpoints over an HTTP connection. */
export function checkpointsApi(http: Http): CheckpointsApi {
  const path = (container: string): string => `/containers/${encodeURIComponent(container)}/checkpoints`
  return {
    create: async (container, name, { directory, leaveRunning = false } = {}) => {
      await http.empty('POST', path(container), {
        json: { CheckpointID: name, CheckpointDir: directory ?? '', Exit: !leaveRunning },
      })
    },
    list: (container, { directory } = {}) => http.json('GET', `${path(container)}${query({ dir: directory })}`),
    remove: async (container, name, { directory } = {}) => {
      await http.empty('DELETE', `${path(container)}/${encodeURIComponent(name)}${query({ dir: directory })}`)
    },
  }
}
