import { readFileSync } from 'node:fs'
import {
  bytes,
  ConfigError,
  duration,
  logLevels,
  objectOf,
  oneOf,
  optional,
  parseAccessConfig,
  parseGcConfig,
  parseLimitsConfig,
  parseProxyConfig,
  parseRetentionConfig,
  parseScrubConfig,
  parseTrustedProxies,
  parseWebhooksConfig,
  secret,
  text,
  truth,
} from '@gantry/registry'
import type {
  AccessConfig,
  GcConfig,
  LimitsConfig,
  LogLevel,
  ProxyConfig,
  RetentionConfig,
  ScrubConfig,
  TrustedProxies,
  WebhooksConfig,
} from '@gantry/registry'

/** Where something listens. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Who may read metrics, and where. */
export interface MetricsConfig {
  /** An address of its own; without it they are on the registry's. */
  readonly address?: ListenAddress
  readonly path: string
  /** What readers send as Bearer token. */
  readonly token?: string
}

/** Everything about a registry that is served. Times are in milliseconds. */
export interface RegistryServerConfig {
  readonly address: ListenAddress
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
  /** Whose word is taken for where a request came from. */
  readonly trustedProxies?: TrustedProxies
  readonly readOnly: boolean
  readonly sparseIndexes: boolean
  readonly access: AccessConfig
  readonly limits: LimitsConfig
  readonly proxy?: ProxyConfig
  readonly retention: RetentionConfig
  readonly gc: GcConfig
  readonly scrub: ScrubConfig
  readonly webhooks?: WebhooksConfig
  readonly metrics?: MetricsConfig
  readonly log: { readonly format?: 'json' | 'text'; readonly level: LogLevel | 'off' }
  /** How it ends: `delay` is for load balancers to see that it is no longer ready, `grace` for what is under way. */
  readonly shutdown: { readonly delay: number; readonly grace: number }
  /** It is not ready with less room on the disk, in bytes. */
  readonly leastFree: number
}

const part = (value: unknown): unknown => value

const read = objectOf({
  address: optional(text()),
  tls: optional(objectOf({ cert: text(), key: text() })),
  trustedProxies: optional(part),
  readOnly: optional(truth()),
  sparseIndexes: optional(truth()),
  access: optional(part),
  limits: optional(part),
  proxy: optional(part),
  retention: optional(part),
  gc: optional(part),
  scrub: optional(part),
  webhooks: optional(part),
  metrics: optional(
    objectOf({
      address: optional(text()),
      path: optional(text({ pattern: /^\/[\w./-]+$/, what: 'a path such as "/metrics"' })),
      token: optional(secret()),
      tokenFile: optional(text()),
      anyone: optional(truth()),
    }),
  ),
  log: optional(
    objectOf({ format: optional(oneOf(['json', 'text'])), level: optional(oneOf([...logLevels, 'off'] as const)) }),
  ),
  shutdown: optional(objectOf({ delay: optional(duration()), grace: optional(duration()) })),
  leastFree: optional(bytes()),
})

/** Reads the configuration of a registry server. Strict: what it does not know is refused. @throws {ConfigError} */
export function parseServerConfig(value: unknown): RegistryServerConfig {
  const given = read(value, '')
  const {
    address = '127.0.0.1:5000',
    tls,
    readOnly = false,
    sparseIndexes = false,
    leastFree = 256 * 1024 ** 2,
  } = given
  const metrics = readMetrics(given.metrics)
  return {
    address: parseListenAddress(address, 'address'),
    ...(tls === undefined ? {} : { tls: { certFile: tls.cert, keyFile: tls.key } }),
    ...(given.trustedProxies === undefined ? {} : { trustedProxies: parseTrustedProxies(given.trustedProxies) }),
    readOnly,
    sparseIndexes,
    access: parseAccessConfig(given.access ?? {}),
    limits: parseLimitsConfig(given.limits ?? {}),
    ...(given.proxy === undefined ? {} : { proxy: parseProxyConfig(given.proxy) }),
    retention: parseRetentionConfig(given.retention ?? {}),
    gc: parseGcConfig(given.gc ?? {}),
    scrub: parseScrubConfig(given.scrub ?? {}),
    ...(given.webhooks === undefined ? {} : { webhooks: parseWebhooksConfig(given.webhooks) }),
    ...(metrics === undefined ? {} : { metrics }),
    log: {
      level: given.log?.level ?? 'info',
      ...(given.log?.format === undefined ? {} : { format: given.log.format }),
    },
    shutdown: { delay: given.shutdown?.delay ?? 0, grace: given.shutdown?.grace ?? 30_000 },
    leastFree,
  }
}

type GivenMetrics = Exclude<ReturnType<typeof read>['metrics'], undefined>

function readMetrics(given: GivenMetrics | undefined): MetricsConfig | undefined {
  if (given === undefined) return undefined
  const { address, path = '/metrics', token: inline, tokenFile, anyone = false } = given
  const token = inline ?? (tokenFile === undefined ? undefined : readToken(tokenFile))
  if (address === undefined && token === undefined && !anyone) {
    throw new ConfigError('metrics', 'needs an address of its own, a token or tokenFile, or "anyone": true')
  }
  return {
    path,
    ...(address === undefined ? {} : { address: parseListenAddress(address, 'metrics.address') }),
    ...(token === undefined ? {} : { token }),
  }
}

function readToken(file: string): string {
  try {
    const token = readFileSync(file, 'utf8').trim()
    if (token !== '') return token
  } catch (cause) {
    throw new ConfigError('metrics.tokenFile', 'names a file that cannot be read', { cause })
  }
  throw new ConfigError('metrics.tokenFile', 'names a file that is empty')
}

/** Reads `HOST:PORT`, `[::1]:PORT` or `:PORT`, which is of 127.0.0.1. @throws {ConfigError} */
export function parseListenAddress(address: string, path: string): ListenAddress {
  const match = /^(?:(\[[^\]]+\]|[^:]*):)?(\d{1,5})$/.exec(address)
  const port = Number(match?.[2])
  if (match === null || port > 65_535) {
    throw new ConfigError(path, `is ${JSON.stringify(address)}; it must be HOST:PORT, such as "127.0.0.1:5000"`)
  }
  return { host: (match?.[1] ?? '').replace(/^\[|\]$/g, '') || '127.0.0.1', port }
}
