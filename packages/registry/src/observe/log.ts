/** How much a log line matters, the least first. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const

/** How much a line matters. */
export type LogLevel = (typeof logLevels)[number]

/** How a log is written. */
export interface LogOptions {
  /** Takes whole lines. */
  readonly write: (text: string) => void
  /** `json` is an object per line; `text` is for people. Default: json. */
  readonly format?: 'json' | 'text'
  /** What matters less is left out; `off` leaves everything out. Default: info. */
  readonly level?: LogLevel | 'off'
  /** Default: the system's clock, in milliseconds. */
  readonly now?: () => number
}

/** What a line tells beside its time, level and message. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** A structured log: one line for each thing that happened. Lines of one turn of the event loop are written at once. */
export interface Log {
  (level: LogLevel, message: string, fields?: LogFields): void
  /** Writes what waits. */
  flush(): void
}

/** Makes a log. */
export function createLog(options: LogOptions): Log {
  const { write, format = 'json', level: least = 'info', now = Date.now } = options
  const rank = least === 'off' ? Infinity : logLevels.indexOf(least)
  const print = format === 'json' ? jsonLine : textLine
  let waiting: string[] = []
  const flush = (): void => {
    if (waiting.length === 0) return
    const lines = waiting
    waiting = []
    write(lines.join(''))
  }
  const log = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (logLevels.indexOf(level) < rank) return
    if (waiting.length === 0) setImmediate(flush)
    waiting.push(print(new Date(now()).toISOString(), level, message, fields))
  }
  return Object.assign(log, { flush })
}

function jsonLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  return `${JSON.stringify({ time, level, message, ...fields })}\n`
}

function textLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${shown(String(value))}`)
  return `${time} ${level.toUpperCase().padEnd(5)} ${plain(message)}${pairs.join('')}\n`
}

/** Quoted when it would not be one word: what clients send must not look like another line or field. */
function shown(value: string): string {
  return /^[\w./:@?&=%*,+~-]+$/.test(value) ? value : JSON.stringify(value)
}

function plain(message: string): string {
  return JSON.stringify(message).slice(1, -1).replaceAll('\\"', '"')
}
