import { CliError } from '../cli-error.ts'

/** What the flags of `registry serve` say, as far as they were given. */
export interface ServeFlags {
  readonly addr: string | undefined
  readonly 'tls-cert': string | undefined
  readonly 'tls-key': string | undefined
  readonly htpasswd: string | undefined
  readonly 'read-only': boolean
  readonly proxy: readonly string[]
  readonly 'metrics-addr': string | undefined
  readonly 'log-format': string | undefined
  readonly 'log-level': string | undefined
}

type Document = Readonly<Record<string, unknown>>

/**
 * Puts what flags say over what the configuration file says; flags win. What comes out is parsed as any configuration.
 *
 * @throws CliError INVALID
 */
export function withFlags(document: unknown, flags: ServeFlags): unknown {
  if (!isDocument(document)) return document
  const { addr, htpasswd, 'tls-cert': cert, 'tls-key': key, 'metrics-addr': metricsAddress } = flags
  if ((cert === undefined) !== (key === undefined)) {
    throw new CliError('INVALID', 'Cannot serve with TLS: --tls-cert and --tls-key go together')
  }
  const log = { format: flags['log-format'], level: flags['log-level'] }
  return {
    ...document,
    ...(addr === undefined ? {} : { address: addr }),
    ...(cert === undefined ? {} : { tls: { cert, key } }),
    ...(htpasswd === undefined ? {} : { access: { ...part(document, 'access'), htpasswd } }),
    ...(flags['read-only'] ? { readOnly: true } : {}),
    ...(metricsAddress === undefined ? {} : { metrics: { ...part(document, 'metrics'), address: metricsAddress } }),
    ...(flags.proxy.length === 0 ? {} : { proxy: withUpstreams(part(document, 'proxy'), flags.proxy) }),
    log: {
      ...part(document, 'log'),
      ...Object.fromEntries(Object.entries(log).filter(([, word]) => word !== undefined)),
    },
  }
}

function withUpstreams(proxy: Document, given: readonly string[]): Document {
  const upstreams = proxy['upstreams']
  const before: readonly unknown[] = Array.isArray(upstreams) ? upstreams : []
  return { ...proxy, upstreams: [...before, ...given.map((text) => upstreamOf(text))] }
}

/** Reads `NAME=URL`: repositories `NAME/...` are those of the registry. */
function upstreamOf(text: string): Document {
  const equals = text.indexOf('=')
  const prefix = text.slice(0, Math.max(equals, 0))
  const target = text.slice(equals + 1)
  const address = /^https?:\/\//.test(target) ? target : `https://${target}`
  if (prefix === '' || !URL.canParse(address) || new URL(address).username !== '') {
    throw new CliError(
      'INVALID',
      `Cannot cache a registry as "${prefix}": it is not NAME=URL, such as hub=https://registry-1.docker.io`,
    )
  }
  const { host, pathname, protocol } = new URL(address)
  return {
    registry: host,
    prefix,
    ...(pathname === '/' ? {} : { path: pathname }),
    ...(protocol === 'http:' ? { insecure: true } : {}),
  }
}

function part(document: Document, name: string): Document {
  const value = document[name]
  return isDocument(value) ? value : {}
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
