/** A length of time for people, roughly, as docker prints ages: `Less than a second`, `About a minute`, `3 weeks`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000)
  if (seconds < 1) return 'Less than a second'
  if (seconds === 1) return '1 second'
  if (seconds < 60) return `${seconds} seconds`
  const minutes = Math.floor(seconds / 60)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.floor(seconds / 3600 + 0.5)
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`
  return `${Math.floor(hours / 24 / 365)} years`
}

/** A moment as an age: `3 weeks ago`. Times are milliseconds since the epoch. */
export function humanAge(then: number, now: number): string {
  return `${humanDuration(Math.max(now - then, 0))} ago`
}

/** A short exact time for progress lines: `0.4s`, `12.3s`, `2m05s`. */
export function shortDuration(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)}ms`
  if (milliseconds < 1000) return `${Math.round(milliseconds)}ms`
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)}s`
  const seconds = Math.round(milliseconds / 1000)
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`
}

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Reads a Go duration such as `1m30s`, `250ms` or `1.5h` into milliseconds; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const sign = text.startsWith('-') ? -1 : 1
  const parts = text.replace(/^[+-]/, '')
  if (!/^(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$/.test(parts)) return undefined
  let total = 0
  for (const [, number, unit] of parts.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(number) * (units[unit ?? ''] ?? 0)
  }
  return sign * total
}

/**
 * A moment as docker's `--since` and `--until` take it, in seconds since the epoch: a Unix time, an RFC 3339 time (a date
 * alone counts in the local zone), or a duration before now such as `10m`.
 *
 * @throws Error when the text is none of these.
 */
export function parseMoment(text: string, now: number): string {
  if (/^\d+(?:\.\d+)?$/.test(text)) return text
  const duration = parseDuration(text)
  if (duration !== undefined) return ((now - duration) / 1000).toFixed(3)
  const date = /^\d{4}-\d{2}-\d{2}(?:T|$)/.test(text) ? Date.parse(text.includes('T') ? text : `${text}T00:00:00`) : NaN
  if (Number.isNaN(date))
    throw new Error(`"${text}" is neither a time (2024-01-31T12:00:00Z), a Unix time nor a duration (10m)`)
  const fraction = /\.(\d+)(?:Z|[+-]\d{2}:\d{2})?$/.exec(text)?.[1]
  return fraction === undefined ? String(date / 1000) : `${Math.floor(date / 1000)}.${fraction.slice(0, 9)}`
}
