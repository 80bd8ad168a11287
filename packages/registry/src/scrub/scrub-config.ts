import { bytes, duration, listOf, objectOf, optional, truth } from '../config/fields.ts'
import type { EndpointConfig } from '../proxy/proxy-config.ts'
import { endpointField } from '../proxy/proxy-config.ts'

/** When and how a server checks its blobs by itself. */
export interface ScrubConfig {
  /** From the beginning of one round to that of the next, in milliseconds. Default: it does not check by itself. */
  readonly every?: number
  /** Bytes read in a second. Default: 32 MiB. */
  readonly rate: number
  /** Whether what is damaged and cannot be repaired is moved aside. Default: true. */
  readonly quarantine: boolean
  /** Whether good copies are fetched from the upstreams of the cache and from the peers. Default: true. */
  readonly repair: boolean
  /** Registries with the same repositories. */
  readonly peers: readonly EndpointConfig[]
}

const read = objectOf({
  every: optional(duration({ min: 1000 })),
  rate: optional(bytes()),
  quarantine: optional(truth()),
  repair: optional(truth()),
  peers: optional(listOf(endpointField)),
})

/** Reads the part of a configuration that is about checking blobs. @throws {ConfigError} */
export function parseScrubConfig(value: unknown, path = 'scrub'): ScrubConfig {
  const { every, rate = 32 * 1024 * 1024, quarantine = true, repair = true, peers = [] } = read(value, path)
  return { ...(every === undefined ? {} : { every }), rate, quarantine, repair, peers }
}
