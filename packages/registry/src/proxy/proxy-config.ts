import { isRepositoryName } from '@gantry/oci'
import { ConfigError } from '../config/config-error.ts'
import { duration, integer, bytes, listOf, objectOf, oneOf, optional, secret, text, truth } from '../config/fields.ts'
import type { Field, OptionalField } from '../config/fields.ts'
import { glob } from '../access/glob-field.ts'
import type { Glob } from '../access/glob.ts'

/** Who the cache is to an upstream: a user, or a token that is sent as it is. Never sent anywhere but to that registry. */
export interface UpstreamCredentials {
  readonly username?: string
  readonly password?: string
  readonly token?: string
}

/** One registry to ask. */
export interface EndpointConfig {
  /** As it stands in references: `docker.io`, `registry.example:5000`. */
  readonly registry: string
  /** What stands before the names of repositories there, as in a registry that is itself a cache. Default: nothing. */
  readonly path?: string
  /** Default: anonymous. */
  readonly credentials?: UpstreamCredentials
  /** Plain HTTP. Default: only for registries on this machine. */
  readonly insecure?: boolean
  /** PEM texts, or files with them, of authorities to trust beside those of the system. */
  readonly authorities?: readonly string[]
}

/** A registry that is cached. */
export interface UpstreamConfig extends EndpointConfig {
  /** The first part of the names that its content has here. Default: the registry, with `-` for `:`. */
  readonly prefix?: string
  /** The `?ns=` that it answers. Default: the registry. */
  readonly namespaces?: readonly string[]
  /** Asked in this order before the registry itself. */
  readonly mirrors?: readonly EndpointConfig[]
  /** Patterns of the repositories, by their names there, that may be asked for. Default: all. */
  readonly allow?: readonly Glob[]
  /** Patterns of those that may not; it wins over `allow`. Default: none. */
  readonly deny?: readonly Glob[]
  /** What happens to pushes under the prefix. Default: `refuse`. */
  readonly push?: 'refuse' | 'local'
  /** A connection on which nothing moves for so long is given up, in milliseconds. Default: 30 s. */
  readonly timeout?: number
  /** Requests under way at once; the others wait. Default: 32. */
  readonly concurrency?: number
  /** How long a tag is taken for what it was, in milliseconds. Default: 5 minutes. */
  readonly tagLifetime?: number
  /**
   * For so long after that, an older one is given out at once and asked for in the background, in milliseconds; 0: never.
   * Default: one hour.
   */
  readonly staleWhileRevalidate?: number
  /** How long is remembered that something is not there, in milliseconds. Default: 10 s. */
  readonly negativeLifetime?: number
  /** How long an upstream that failed is left alone when it says nothing of it, in milliseconds. Default: 5 s. */
  readonly pause?: number
}

/** What is cached, and how. */
export interface ProxyConfig {
  readonly upstreams: readonly UpstreamConfig[]
  /** The `registry` of the upstream that names without a prefix are looked for in, when there is no such repository here. */
  readonly default?: string
  /** Whether a blob that nobody waits for any more is fetched to its end. Default: true. */
  readonly finishFills?: boolean
  /** A range that begins so many bytes beyond what has come is fetched by itself meanwhile. Default: 64 MiB. */
  readonly farRange?: number
}

const registryField = text({
  pattern: /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?$/,
  what: 'a registry such as "docker.io" or "registry.example:5000", without a scheme',
})

const name: Field<string> = (value, path) => {
  const read = text()(value, path)
  if (isRepositoryName(read)) return read
  throw new ConfigError(path, 'is no repository name such as "hub" or "mirrors/hub"')
}

const credentials: Field<UpstreamCredentials> = (value, path) => {
  const read = objectOf({ username: optional(text()), password: optional(secret()), token: optional(secret()) })(
    value,
    path,
  )
  const isUser = read.username !== undefined && read.password !== undefined && read.token === undefined
  const isToken = read.token !== undefined && read.username === undefined && read.password === undefined
  if (isUser || isToken) return read
  throw new ConfigError(path, 'must have either "username" and "password", or "token"')
}

const endpoint = {
  registry: registryField,
  path: optional(name),
  credentials: optional(credentials),
  insecure: optional(truth()),
  authorities: optional(listOf(text())),
} as const satisfies Record<string, Field<unknown> | OptionalField<unknown>>

/** One registry to ask, as it stands in a configuration. */
export const endpointField: Field<EndpointConfig> = objectOf(endpoint)

const upstream = objectOf({
  ...endpoint,
  prefix: optional(name),
  namespaces: optional(listOf(registryField)),
  mirrors: optional(listOf(endpointField)),
  allow: optional(listOf(glob())),
  deny: optional(listOf(glob())),
  push: optional(oneOf(['refuse', 'local'])),
  timeout: optional(duration({ min: 100 })),
  concurrency: optional(integer({ min: 1, max: 1000 })),
  tagLifetime: optional(duration()),
  staleWhileRevalidate: optional(duration()),
  negativeLifetime: optional(duration()),
  pause: optional(duration()),
})

const config = objectOf({
  upstreams: listOf(upstream),
  default: optional(registryField),
  finishFills: optional(truth()),
  farRange: optional(bytes()),
})

/**
 * Reads the configuration of the pull-through cache: unknown keys, two upstreams for one name, and a default that is none of
 * them are refused.
 *
 * @throws {ConfigError} CONFIG_INVALID, with the path of what is wrong
 */
export function parseProxyConfig(value: unknown, path = 'proxy'): ProxyConfig {
  const read = config(value, path)
  const prefixes = new Map<string, number>()
  const namespaces = new Map<string, number>()
  for (const [index, each] of read.upstreams.entries()) {
    const here = `${path}.upstreams[${index}]`
    const prefix = prefixOf(each)
    if (!isRepositoryName(prefix)) {
      throw new ConfigError(
        `${here}.prefix`,
        `is missing: ${JSON.stringify(prefix)} cannot begin the name of a repository`,
      )
    }
    claim(prefixes, prefix, index, `${here}.prefix`)
    for (const namespace of namespacesOf(each)) claim(namespaces, namespace, index, `${here}.namespaces`)
  }
  for (const prefix of prefixes.keys()) {
    const outer = [...prefixes.keys()].find((other) => prefix.startsWith(`${other}/`))
    if (outer === undefined) continue
    const here = `${path}.upstreams[${prefixes.get(prefix) ?? 0}].prefix`
    throw new ConfigError(here, `is ${JSON.stringify(prefix)}, which lies inside ${JSON.stringify(outer)}`)
  }
  if (read.default !== undefined && !read.upstreams.some((each) => each.registry === read.default)) {
    throw new ConfigError(`${path}.default`, `is ${JSON.stringify(read.default)}, which is the registry of no upstream`)
  }
  return read
}

/** The first part of the names that an upstream's content has here. */
export function prefixOf({ prefix, registry }: UpstreamConfig): string {
  return prefix ?? registry.toLowerCase().replaceAll(/[[\]]/g, '').replaceAll(/:+/g, '-')
}

/** The `?ns=` that an upstream answers. */
export function namespacesOf({ namespaces, registry }: UpstreamConfig): readonly string[] {
  return namespaces ?? [registry]
}

function claim(taken: Map<string, number>, key: string, index: number, path: string): void {
  const other = taken.get(key)
  if (other !== undefined && other !== index) {
    throw new ConfigError(path, `is ${JSON.stringify(key)}, which upstreams[${other}] has already`)
  }
  taken.set(key, index)
}
