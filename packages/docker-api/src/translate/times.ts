/** What Docker says for a time that has not come. */
export const never = '0001-01-01T00:00:00Z'

/** Milliseconds since the epoch as RFC 3339 with nanoseconds. */
export function timeText(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return never
  const whole = Math.floor(milliseconds / 1000)
  const nanoseconds = Math.floor((milliseconds - whole * 1000) * 1e6)
  return `${new Date(whole * 1000).toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, '0')}Z`
}

/** A span of time for people, in Docker's words: `3 minutes`, `About an hour`. */
export function spanText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000)
  if (seconds < 1) return 'Less than a second'
  if (seconds === 1) return '1 second'
  if (seconds < 60) return `${seconds} seconds`
  const minutes = Math.floor(seconds / 60)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.round(seconds / 3600)
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  const days = Math.floor(hours / 24)
  if (hours < 24 * 7 * 2) return `${days} days`
  if (hours < 24 * 30 * 2) return `${Math.floor(days / 7)} weeks`
  if (hours < 24 * 365 * 2) return `${Math.floor(days / 30)} months`
  return `${Math.floor(days / 365)} years`
}
