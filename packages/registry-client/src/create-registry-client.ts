import { systemHasher } from '@gantry/codec'
import type { Hashing } from '@gantry/image'
import { isRepositoryName } from '@gantry/oci'
import { Authorizer } from './authorizer.ts'
import { Connection } from './connection.ts'
import { dockerCredentials } from './credentials.ts'
import type { CredentialSource } from './credentials.ts'
import { endpointOf, isLocalRegistry } from './endpoint.ts'
import { HttpRepository } from './http-repository.ts'
import { nodeTransport } from './node-transport.ts'
import { pagesOf } from './pages.ts'
import type { RegistryClient } from './remote-repository.ts'
import { retryPolicy } from './retry.ts'
import type { RetryOptions } from './retry.ts'
import { fetchTransport } from './transport.ts'
import type { FetchLike } from './transport.ts'

/** How registries are asked. */
export interface RegistryClientOptions {
  /** Something like `fetch`, such as `registry.handle` of a registry in this process. Default: Node's HTTP client. */
  readonly fetch?: FetchLike
  /** Default: those of the `docker` command. */
  readonly credentials?: CredentialSource
  /** Which registries speak plain HTTP. Default: those on this machine. */
  readonly insecure?: (registry: string) => boolean
  /** PEM texts of certificate authorities to trust beside those of Node and of the system. */
  readonly authorities?: readonly string[]
  /** What checks the digests of blobs that are read. Default: on this thread; a codec does it on workers. */
  readonly codec?: Hashing
  readonly retry?: RetryOptions
  /** A connection on which nothing moves for so long is given up, in milliseconds. Default: one minute. */
  readonly timeout?: number
}

/** Makes a client. It keeps connections, tokens and what it learned of registries; it asks nothing until it is used. */
export function createRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  const { insecure = isLocalRegistry, authorities, codec, timeout } = options
  const transport =
    options.fetch === undefined
      ? nodeTransport({
          ...(authorities === undefined ? {} : { authorities }),
          ...(timeout === undefined ? {} : { timeout }),
        })
      : fetchTransport(options.fetch)
  const authorizer = new Authorizer(transport, options.credentials ?? dockerCredentials())
  const retry = retryPolicy(options.retry)
  const hashing = codec ?? { hasher: systemHasher }
  const connect = (registry: string): Connection =>
    new Connection({ registry, endpoint: endpointOf(registry, insecure), transport, authorizer, retry })

  return {
    repository: ({ registry, repository }) =>
      new HttpRepository({ connection: connect(registry), repository, hashing }),
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
