import { readLog, type LogEntry } from '@gantry/runtime'
import type { Context } from '../context.ts'
import { logPath } from './start.ts'

/** Which lines of a log to read. Times are RFC 3339. */
export interface LogsOptions {
  readonly follow?: boolean
  /** So many lines from the end. */
  readonly tail?: number
  readonly since?: string
  readonly until?: string
  readonly signal?: AbortSignal
}

/** A container's recorded output. Following ends when the container has ended and everything is read; it reads the log's file, so the
 * daemon is not in the way of what writes it. @throws EngineError CONTAINER_UNKNOWN */
export function logs(context: Context, reference: string, options: LogsOptions = {}): AsyncIterable<LogEntry> {
  const { id } = context.containers.find(reference)
  const live = context.live.of(id)
  const { follow = false, ...rest } = options
  const running = live.task !== undefined
  return readLog(logPath(context, id), {
    ...rest,
    follow: follow && running,
    ...(follow && running ? { done: live.outputEnded.signal } : {}),
  })
}
