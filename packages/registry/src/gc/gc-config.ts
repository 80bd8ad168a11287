import { duration, objectOf, optional, truth } from '../config/fields.ts'

/** When and how a server collects garbage by itself. Times are in milliseconds. */
export interface GcConfig {
  readonly enabled: boolean
  /** Default: six hours. */
  readonly every: number
  /** What was put or looked for within this time stays. Default: one hour. */
  readonly grace: number
  /** What was pushed and is not referred to yet stays this long. Default: a day. */
  readonly pending: number
  /** Uploads that nobody has gone on with for this long are removed. Default: a week. */
  readonly uploads: number
}

const read = objectOf({
  enabled: optional(truth()),
  every: optional(duration({ min: 1000 })),
  grace: optional(duration()),
  pending: optional(duration()),
  uploads: optional(duration({ min: 60_000 })),
})

const hour = 3_600_000

/** Reads the part of a configuration that is about garbage. @throws {ConfigError} */
export function parseGcConfig(value: unknown, path = 'gc'): GcConfig {
  const {
    enabled = true,
    every = 6 * hour,
    grace = hour,
    pending = 24 * hour,
    uploads = 168 * hour,
  } = read(value, path)
  return { enabled, every, grace, pending, uploads }
}
