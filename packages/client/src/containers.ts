import type { HijackedStream } from './hijack.ts'
import type { Http } from './http.ts'
import type { OutputChunk } from './frames.ts'
import { ApiError } from './api-error.ts'
import type {
  CommitRequest,
  ContainerChange,
  ContainerCreateBody,
  ContainerCreated,
  ContainerInspect,
  ContainerPathStat,
  ContainerSummary,
  StatsSample,
  TopResult,
  WaitCondition,
  WaitResult,
} from './types/container.ts'
import { filtersText, query, type Filters } from './query.ts'
import { decodeFrames, multiplexedStream, unframed } from './frames.ts'
import { jsonLines } from './json-lines.ts'
import { logFrames, type LogFrame } from './log-frames.ts'

/** A wait that the daemon has taken up: whatever the container does from now on is not missed. */
export interface Waiting {
  readonly result: Promise<WaitResult>
}

/** Which output to read. */
export interface LogsOptions {
  readonly stdout?: boolean
  readonly stderr?: boolean
  readonly follow?: boolean
  readonly timestamps?: boolean
  /** What the log's options say of each line comes before it. */
  readonly details?: boolean
  /** A number of lines, or `all`. */
  readonly tail?: string
  /** Seconds since the epoch, with a fraction, or an RFC 3339 time. */
  readonly since?: string
  readonly until?: string
  readonly signal?: AbortSignal
}

/** Which streams to attach to. */
export interface AttachOptions {
  readonly stdin?: boolean
  readonly stdout?: boolean
  readonly stderr?: boolean
  /** Replays what was written before. */
  readonly logs?: boolean
  readonly detachKeys?: string
  readonly signal?: AbortSignal
}

/** Verbs of containers. `id` is an id, a unique prefix of one, or a name. All throw ApiError (NOT_FOUND, CONFLICT, …). */
export interface ContainersApi {
  create(body: ContainerCreateBody, options?: { name?: string; platform?: string }): Promise<ContainerCreated>
  /** Returns false when it ran already. */
  start(
    id: string,
    options?: { detachKeys?: string; checkpoint?: string; checkpointDirectory?: string },
  ): Promise<boolean>
  /** Returns false when it did not run. `timeout` is seconds until it is killed; -1 waits without end. */
  stop(id: string, options?: { timeout?: number; stopSignal?: string; signal?: AbortSignal }): Promise<boolean>
  restart(id: string, options?: { timeout?: number; stopSignal?: string; signal?: AbortSignal }): Promise<void>
  /** Default signal: KILL. */
  kill(id: string, killSignal?: string): Promise<void>
  /** Resolves as soon as the daemon listens for the exit, so that a start after it cannot be missed. */
  wait(id: string, options?: { condition?: WaitCondition; signal?: AbortSignal }): Promise<Waiting>
  remove(id: string, options?: { force?: boolean; volumes?: boolean }): Promise<void>
  list(options?: { all?: boolean; limit?: number; size?: boolean; filters?: Filters }): Promise<ContainerSummary[]>
  inspect(id: string, options?: { size?: boolean }): Promise<ContainerInspect>
  logs(id: string, options?: LogsOptions): Promise<AsyncIterable<OutputChunk>>
  /** The same in whole frames, of a terminal too: one for each line, or piece of a long one. */
  logFrames(id: string, options?: LogsOptions): Promise<AsyncIterable<readonly LogFrame[]>>
  /** Resolves when attached: what the container writes from then on is not missed. The caller reads it to its end or closes it. */
  attach(id: string, options?: AttachOptions): Promise<HijackedStream>
  resize(id: string, size: { height: number; width: number }): Promise<void>
  rename(id: string, name: string): Promise<void>
  pause(id: string): Promise<void>
  unpause(id: string): Promise<void>
  top(id: string, options?: { psArgs?: string }): Promise<TopResult>
  /** Tells of a path in a container; undefined where there is nothing. */
  statPath(id: string, path: string): Promise<ContainerPathStat | undefined>
  /** A path of a container as a tar. */
  readArchive(
    id: string,
    path: string,
    options?: { signal?: AbortSignal },
  ): Promise<{ stat: ContainerPathStat; tar: AsyncIterable<Uint8Array> }>
  /** Writes a tar into a directory of a container. */
  writeArchive(
    id: string,
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options?: { ownedByUser?: boolean; signal?: AbortSignal },
  ): Promise<void>
  changes(id: string): Promise<ContainerChange[]>
  /** The root file system as a tar, without volumes. */
  export(id: string, options?: { signal?: AbortSignal }): Promise<AsyncIterable<Uint8Array>>
  /** Makes an image of it; answers the image's id. */
  commit(id: string, request?: CommitRequest): Promise<string>
  /** Removes the containers that do not run; `until` and `label` choose. */
  prune(options?: { filters?: Filters }): Promise<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }>
  stats(id: string, options?: { stream?: boolean; signal?: AbortSignal }): AsyncIterable<StatsSample>
}

/** Verbs of containers over an HTTP connection. */
export function containersApi(http: Http): ContainersApi {
  return {
    create: (body, options = {}) =>
      http.json('POST', `/containers/create${query({ name: options.name, platform: options.platform })}`, {
        json: body,
      }),
    start: async (id, { detachKeys, checkpoint, checkpointDirectory } = {}) => {
      const asked = query({ detachKeys, checkpoint, 'checkpoint-dir': checkpointDirectory })
      return (await http.empty('POST', `${path(id, '/start')}${asked}`)) !== 304
    },
    stop: async (id, { timeout, stopSignal, signal } = {}) =>
      (await http.empty('POST', `${path(id, '/stop')}${query({ t: timeout, signal: stopSignal })}`, { signal })) !==
      304,
    restart: async (id, { timeout, stopSignal, signal } = {}) => {
      await http.empty('POST', `${path(id, '/restart')}${query({ t: timeout, signal: stopSignal })}`, { signal })
    },
    kill: async (id, killSignal) => {
      await http.empty('POST', `${path(id, '/kill')}${query({ signal: killSignal })}`)
    },
    wait: async (id, { condition, signal } = {}) => {
      const response = await http.request('POST', `${path(id, '/wait')}${query({ condition })}`, { signal })
      const result = response.json<WaitResult>()
      result.catch(() => undefined)
      return { result }
    },
    remove: async (id, { force, volumes } = {}) => {
      await http.empty('DELETE', `${path(id, '')}${query({ force, v: volumes })}`)
    },
    list: ({ all, limit, size, filters } = {}) =>
      http.json('GET', `/containers/json${query({ all, limit, size, filters: filtersText(filters) })}`),
    inspect: (id, { size } = {}) => http.json('GET', `${path(id, '/json')}${query({ size })}`),
    logs: async (
      id,
      { stdout = true, stderr = true, follow, timestamps, details, tail, since, until, signal } = {},
    ) => {
      const options = query({ stdout, stderr, follow, timestamps, details, tail, since, until })
      const response = await http.request('GET', `${path(id, '/logs')}${options}`, { signal })
      return response.headers.get('content-type') === multiplexedStream
        ? decodeFrames(response.body)
        : unframed(response.body)
    },
    logFrames: async (
      id,
      { stdout = true, stderr = true, follow, timestamps, details, tail, since, until, signal } = {},
    ) => {
      const options = query({ stdout, stderr, follow, timestamps, details, tail, since, until, framed: true })
      return logFrames((await http.request('GET', `${path(id, '/logs')}${options}`, { signal })).body)
    },
    attach: (id, { stdin, stdout = true, stderr = true, logs, detachKeys, signal } = {}) =>
      http.hijack(`${path(id, '/attach')}${query({ stream: true, stdin, stdout, stderr, logs, detachKeys })}`, {
        signal,
      }),
    resize: async (id, { height, width }) => {
      await http.empty('POST', `${path(id, '/resize')}${query({ h: height, w: width })}`)
    },
    rename: async (id, name) => {
      await http.empty('POST', `${path(id, '/rename')}${query({ name })}`)
    },
    pause: async (id) => {
      await http.empty('POST', path(id, '/pause'))
    },
    unpause: async (id) => {
      await http.empty('POST', path(id, '/unpause'))
    },
    top: (id, { psArgs } = {}) => http.json('GET', `${path(id, '/top')}${query({ ps_args: psArgs })}`),
    statPath: async (id, at) => {
      try {
        const response = await http.request('HEAD', `${path(id, '/archive')}${query({ path: at })}`)
        await response.discard()
        return pathStat(response.headers)
      } catch (error) {
        // The answer to HEAD has no text: whether it is the container or the file is asked again where it matters.
        if (error instanceof ApiError && error.status === 404) return undefined
        throw error
      }
    },
    readArchive: async (id, at, { signal } = {}) => {
      const response = await http.request('GET', `${path(id, '/archive')}${query({ path: at })}`, { signal })
      return { stat: pathStat(response.headers), tar: response.body }
    },
    writeArchive: async (id, at, tar, { ownedByUser, signal } = {}) => {
      const options = query({ path: at, noOverwriteDirNonDir: true, copyUIDGID: ownedByUser })
      await http.empty('PUT', `${path(id, '/archive')}${options}`, { body: tar, signal })
    },
    changes: (id) => http.json('GET', path(id, '/changes')),
    export: async (id, { signal } = {}) => (await http.request('GET', path(id, '/export'), { signal })).body,
    commit: async (id, { changes, ...request } = {}) => {
      const lines = changes === undefined || changes.length === 0 ? undefined : changes.join('\n')
      const target = `/commit${query({ container: id, ...request, changes: lines })}`
      return (await http.json<{ Id: string }>('POST', target, { json: {} })).Id
    },
    prune: ({ filters } = {}) => http.json('POST', `/containers/prune${query({ filters: filtersText(filters) })}`),
    stats: async function* (id, { stream = true, signal } = {}) {
      const response = await http.request('GET', `${path(id, '/stats')}${query({ stream })}`, { signal })
      yield* jsonLines<StatsSample>(response.body)
    },
  }
}

function pathStat(headers: ReadonlyMap<string, string>): ContainerPathStat {
  const text = headers.get('x-docker-container-path-stat') ?? ''
  return JSON.parse(Buffer.from(text, 'base64').toString()) as ContainerPathStat
}

function path(id: string, verb: string): string {
  return `/containers/${encodeURIComponent(id)}${verb}`
}
