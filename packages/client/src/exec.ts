import type { HijackedStream } from './hijack.ts'
import type { Http } from './http.ts'
import type { ExecCreateBody, ExecInspect } from './types/exec.ts'
import { query } from './query.ts'

/** Further processes in running containers. All throw ApiError (NOT_FOUND; CONFLICT when the container does not run). */
export interface ExecApi {
  /** Prepares a process; returns its id. */
  create(container: string, body: ExecCreateBody): Promise<string>
  /** Runs it and attaches to it. The caller reads the output to its end or closes the stream. */
  start(
    id: string,
    options?: { tty?: boolean; consoleSize?: [number, number]; signal?: AbortSignal },
  ): Promise<HijackedStream>
  /** Runs it and leaves it alone. */
  startDetached(id: string): Promise<void>
  /** The exit code is there as soon as the output has ended. */
  inspect(id: string): Promise<ExecInspect>
  resize(id: string, size: { height: number; width: number }): Promise<void>
}

/** Verbs of exec over an HTTP connection. */
export function execApi(http: Http): ExecApi {
  return {
    create: async (container, body) => {
      const target = `/containers/${encodeURIComponent(container)}/exec`
      return (await http.json<{ Id: string }>('POST', target, { json: body })).Id
    },
    start: (id, { tty = false, consoleSize, signal } = {}) =>
      http.hijack(path(id, '/start'), {
        json: { Detach: false, Tty: tty, ...(consoleSize === undefined ? {} : { ConsoleSize: consoleSize }) },
        signal,
      }),
    startDetached: async (id) => {
      await http.empty('POST', path(id, '/start'), { json: { Detach: true } })
    },
    inspect: (id) => http.json('GET', path(id, '/json')),
    resize: async (id, { height, width }) => {
      await http.empty('POST', `${path(id, '/resize')}${query({ h: height, w: width })}`)
    },
  }
}

function path(id: string, verb: string): string {
  return `/exec/${encodeURIComponent(id)}${verb}`
}
