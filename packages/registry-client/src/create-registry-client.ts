import { systemHasher } from '@gantry/codec'
import type { Hashing } from '@gantry/image'
import { isRepositoryName } from '@gantry/oci'
import { Authorizer } from './authorizer.ts'
import type { ClientEvent } from './client-event.ts'
import { certificateDirectories, readHostTls } from './config/host-tls.ts'
import type { HostTls } from './config/host-tls.ts'
import { readRegistries } from './config/read-registries.ts'
import type { RegistriesConfig } from './config/registries-config.ts'
import { Connection } from './connection.ts'
import type { Asker } from './connection.ts'
import type { CredentialSource } from './credentials/credential.ts'
import { systemCredentials } from './credentials/system-credentials.ts'
import { endpointOf, isLocalRegistry, nameOf } from './endpoint.ts'
import { HttpRepository } from './http-repository.ts'
import { fenced } from './transport/fence.ts'
import { nodeTransport } from './transport/node-transport.ts'
import { pagesOf } from './pages.ts'
import type { RegistryClient } from './remote-repository.ts'
import { retryPolicy } from './retry.ts'
import type { RetryOptions, RetryPolicy } from './retry.ts'
import { Route } from './route.ts'
import { transferLimits } from './transfer-options.ts'
import type { TransferOptions } from './transfer-options.ts'
import type { Environment } from './transport/proxy-for.ts'
import { fetchTransport } from './transport/transport.ts'
import type { FetchLike, Transport } from './transport/transport.ts'
import { noUploadMemory } from './upload-memory.ts'
import type { UploadMemory } from './upload-memory.ts'

/** How registries are asked. */
export interface RegistryClientOptions {
  /** Something like `fetch`, such as `registry.handle` of a registry in this process. Default: Node's HTTP client. */
  readonly fetch?: FetchLike
  /** Default: those of the environment and of the `docker` and `podman` commands. */
  readonly credentials?: CredentialSource
  /** Which registries speak plain HTTP, beside those of which `registries.json` says so. Default: those on this machine. */
  readonly insecure?: (registry: string) => boolean
  /** PEM texts of certificate authorities to trust beside those of Node and of the system. */
  readonly authorities?: readonly string[]
  /** Mirrors and how hosts are reached. Default: what the `registries.json` files say. */
  readonly registries?: RegistriesConfig
  /** What checks the digests of blobs that are read. Default: on this thread; a codec does it on workers. */
  readonly codec?: Hashing
  readonly retry?: RetryOptions
  /** A connection on which nothing moves for so long is given up, in milliseconds. Default: one minute. */
  readonly timeout?: number
  /** How large blobs move. */
  readonly transfer?: TransferOptions
  /** Where pushes that were broken off are remembered. Default: nowhere. */
  readonly uploads?: UploadMemory
  /** Told of limits, retries, mirrors that fail, warnings. */
  readonly onEvent?: (event: ClientEvent) => void
  /** Where proxies, credentials and settings are looked up. Default: the environment of this process. */
  readonly environment?: Environment
}

/** A mirror is for speed: it gets one more chance, and no long waits. */
const mirrorAttempts = 2
const mirrorPatience = 2000

/** Makes a client. It keeps connections, tokens and what it learned of registries; it asks nothing until it is used. */
export function createRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  const { codec, onEvent, uploads = noUploadMemory, environment = process.env } = options
  let read: RegistriesConfig | undefined
  const settings = (): RegistriesConfig => (read ??= options.registries ?? readRegistries(environment))
  const insecure = (registry: string): boolean => {
    const said = settings().hosts.get(registry)?.insecure
    return said === undefined ? (options.insecure ?? isLocalRegistry)(registry) : said === 'http'
  }
  const mayLead = ({ host }: URL): boolean => settings().hosts.get(nameOf(host))?.private === true
  const transport = fenced(transportOf(options, settings), mayLead)
  const authorizer = new Authorizer(transport, options.credentials ?? systemCredentials(environment), (registry) =>
    endpointOf(registry, insecure),
  )
  const retry = retryPolicy(options.retry)
  const mirrorRetry = {
    ...retry,
    attempts: Math.min(mirrorAttempts, retry.attempts),
    longest: Math.min(mirrorPatience, retry.longest),
  }
  const hashing = codec ?? { hasher: systemHasher }
  const limits = transferLimits(options.transfer)
  const direct = (registry: string, policy: RetryPolicy): Connection =>
    new Connection({
      registry,
      endpoint: endpointOf(registry, insecure),
      transport,
      authorizer,
      retry: policy,
      onEvent,
    })
  const routes = new Map<string, Asker>()
  const connect = (registry: string): Asker => {
    const known = routes.get(registry)
    if (known !== undefined) return known
    const origin = direct(registry, retry)
    const mirrors = (settings().mirrors.get(registry) ?? []).map(({ host, prefix, resolve, namespace }) => ({
      host,
      prefix,
      resolve,
      namespace: namespace ? registry : undefined,
      asker: direct(host, mirrorRetry),
    }))
    const route = mirrors.length === 0 ? origin : new Route({ origin, mirrors, onEvent })
    routes.set(registry, route)
    return route
  }

  return {
    repository: ({ registry, repository }) =>
      new HttpRepository({ connection: connect(registry), repository, hashing, limits, uploads, onEvent }),
    send: (registry, ask) => connect(registry).send(ask),
    async check(registry, { signal } = {}) {
      const purpose = `Cannot use the registry "${registry}"`
      const response = await connect(registry).send({ method: 'GET', url: '/v2/', scopes: [], purpose, signal })
      await response.discard()
    },
    async storeOf(registry, { signal } = {}) {
      const purpose = `Cannot use the registry "${registry}"`
      const response = await connect(registry).send({ method: 'GET', url: '/v2/', scopes: [], purpose, signal })
      await response.discard()
      return response.header('gantry-store')
    },
    async *repositories(registry, { signal } = {}) {
      const purpose = `Cannot list the repositories of "${registry}"`
      const ask = {
        method: 'GET',
        url: '/v2/_catalog?n=1000',
        scopes: ['registry:catalog:*'],
        purpose,
        signal,
      } as const
      for await (const { value } of pagesOf(connect(registry), ask)) {
        const repositories: unknown = value['repositories']
        if (!Array.isArray(repositories)) continue
        for (const name of repositories) if (typeof name === 'string' && isRepositoryName(name)) yield name
      }
    },
  }
}

function transportOf(options: RegistryClientOptions, settings: () => RegistriesConfig): Transport {
  if (options.fetch !== undefined) return fetchTransport(options.fetch)
  const { authorities, timeout, environment = process.env } = options
  const known = new Map<string, HostTls | undefined>()
  const directories = certificateDirectories(environment)
  const tlsOf = (host: string): HostTls | undefined => {
    const name = nameOf(host)
    if (!known.has(name)) known.set(name, readHostTls(name, settings().hosts.get(name), directories))
    return known.get(name)
  }
  return nodeTransport({
    environment,
    tlsOf,
    ...(authorities === undefined ? {} : { authorities }),
    ...(timeout === undefined ? {} : { timeout }),
  })
}
