const units = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['µs', 1e3],
  ['μs', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
  ['m', 60e9],
  ['h', 3600e9],
])

/** Reads a duration as Go's `time.ParseDuration` does (`1h2m3.5s`, `-1s`, `0`), in nanoseconds; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^([+-]?)(.+)$/.exec(text)
  if (match === null) return undefined
  const rest = match[2]!
  if (rest === '0') return 0
  const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy
  let total = 0
  let end = 0
  for (const found of rest.matchAll(part)) {
    total += Number(found[1]) * units.get(found[2]!)!
    end = found.index + found[0].length
  }
  if (end !== rest.length || total > 2 ** 63) return undefined
  return Math.round(match[1] === '-' ? -total : total)
}

/** Prints nanoseconds as Go's `time.Duration` does: `1m30s`, `500ms`, `0s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s'
  if (nanoseconds < 0) return `-${formatDuration(-nanoseconds)}`
  for (const [unit, size] of [
    ['ns', 1],
    ['µs', 1e3],
    ['ms', 1e6],
  ] as const) {
    if (nanoseconds < (size === 1e6 ? 1e9 : size * 1e3)) return `${nanoseconds / size}${unit}`
  }
  const hours = Math.floor(nanoseconds / 3600e9)
  const minutes = Math.floor((nanoseconds % 3600e9) / 60e9)
  const seconds = `${(nanoseconds % 60e9) / 1e9}s`
  if (hours > 0) return `${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${minutes}m${seconds}` : seconds
}
