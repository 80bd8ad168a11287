import { readLog, type LogEntry } from '@gantry/runtime'
import type { Context } from '../context.ts'
import { logAttributes, logLimits } from '../container/log-choice.ts'
import { EngineError } from '../engine-error.ts'
import { logPath } from '../run/keep-log.ts'

/** Which lines of a log to read. Times are RFC 3339. */
export interface LogsOptions {
  readonly follow?: boolean
  /** So many lines from the end. */
  readonly tail?: number
  readonly since?: string
  readonly until?: string
  readonly signal?: AbortSignal
}

/** Lines of a log, or pieces of long ones, in the order in which they were written. */
export type LogEntries = readonly LogEntry[]

/** A container's recorded output, as many lines at once as there are. */
export interface Logs extends AsyncIterable<LogEntries> {
  /** What the container's log options say of every line, `name=value`. */
  readonly attributes: readonly string[]
}

/** Reads a container's recorded output. Following ends when the container has ended and everything is read; it reads the log's files,
 * so the daemon is not in the way of what writes them. @throws EngineError CONTAINER_UNKNOWN, NOT_SUPPORTED (nothing is recorded);
 * RuntimeError LOG_LOST while reading */
export function logs(context: Context, reference: string, options: LogsOptions = {}): Logs {
  const record = context.containers.find(reference)
  const { id, spec } = record
  if (logLimits(spec) === undefined)
    throw new EngineError('NOT_SUPPORTED', 'configured logging driver does not support reading', {
      hint: 'the container was made with --log-driver none: its output goes to who is attached, and nowhere else',
    })
  const live = context.live.of(id)
  const { follow = false, ...rest } = options
  const running = live.task !== undefined
  const entries = readLog(logPath(context, id), {
    ...rest,
    follow: follow && running,
    ...(follow && running ? { done: live.outputEnded.signal } : {}),
    ...(live.log === undefined ? {} : { keeper: live.log }),
  })
  return { attributes: logAttributes(record), [Symbol.asyncIterator]: () => entries }
}
