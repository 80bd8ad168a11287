import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { MemoryStore } from '@gantry/image'
import { createRegistry, memoryStorage, registryMigrations } from '@gantry/registry'
import type { Registry } from '@gantry/registry'
import { openState } from '@gantry/state'
import { testCodec } from '../blobs/test-codec.ts'
import { HubTokens } from './hub-tokens.ts'
import { privateAuthority } from './private-authority.ts'
import { testProxy } from './test-proxy.ts'

/** The names under which Docker Hub is known, as a hub-like server has them. */
export const hubHosts: { readonly registry: string; readonly tokens: string; readonly blobs: string } = {
  registry: 'registry-1.docker.io',
  tokens: 'auth.docker.io',
  blobs: 'production.cloudflare.docker.com',
}

/** One request that came. */
export interface HubRequest {
  readonly host: string
  readonly method: string
  readonly path: string
  readonly authorization: 'none' | 'basic' | 'bearer'
  readonly range: string | undefined
  status: number
  /** Bytes of the answer's body that were sent. */
  sent: number
}

/** How a hub behaves. */
export interface HubOptions {
  /** Names and passwords. Default: none. */
  readonly users?: Readonly<Record<string, string>>
  /** Repositories that only somebody with a password may pull. */
  readonly hidden?: readonly string[]
  /** Manifests that may be fetched (GET) in a window, before 429. Default: 100. */
  readonly limit?: number
  /** What a 429 says as `Retry-After`. Default: `1`. */
  readonly retryAfter?: string
  /** How long a token counts, in seconds. Default: 300. */
  readonly tokenLife?: number
  /** Sees every request first; true: it has answered, or broken the connection. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean
}

/** A server that does what Docker Hub does, under its names. */
export interface HubLike extends AsyncDisposable {
  /** Behind it: what is put there is what the hub has. Asks for no password. */
  readonly content: Registry
  /** The authority that vouches for it (PEM), and a file with it. */
  readonly ca: string
  readonly caFile: string
  /** A proxy that leads to it under its names: nothing else is changed for who asks. */
  readonly proxy: string
  /** What makes a program find it: the proxy, the authority, and no credentials of whoever runs the test. */
  readonly environment: Readonly<Record<string, string>>
  readonly requests: HubRequest[]
  /** Manifests that may still be fetched. */
  remaining: number
  /** Ends all tokens. */
  revoke(): void
}

const window = 21_600

/**
 * Starts a server that reproduces Docker Hub's flow: a token per scope from another host, blobs behind a redirect to a third one
 * that refuses `Authorization`, limits that count manifests, 429 with `Retry-After`. TLS, with an authority that nobody knows.
 */
export async function hubLike(options: HubOptions = {}): Promise<HubLike> {
  await using stack = new AsyncDisposableStack()
  const { users = {}, hidden = [], limit = 100, retryAfter = '1', tokenLife = 300, intercept } = options
  const directory = mkdtempSync(join(tmpdir(), 'gantry-hub-'))
  stack.defer(() => rmSync(directory, { recursive: true, force: true }))
  const codec = testCodec()
  const state = stack.use(openState(':memory:', registryMigrations))
  const content = stack.use(createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state }))
  const tokens = new HubTokens({ users, hidden, life: tokenLife })
  const signatures = new Set<string>()
  const requests: HubRequest[] = []
  const authority = privateAuthority()
  const caFile = join(directory, 'ca.pem')
  writeFileSync(caFile, authority.ca)

  const hub = { remaining: limit }

  const askTokens = (request: IncomingMessage, response: ServerResponse): void => {
    const { searchParams } = new URL(request.url ?? '', `https://${hubHosts.tokens}`)
    const token = tokens.issue(request.headers.authorization, searchParams.getAll('scope'))
    if (token === undefined) json(response, 401, { details: 'incorrect username or password' })
    else json(response, 200, { token, access_token: token, expires_in: tokenLife, issued_at: new Date().toISOString() })
  }

  const askBlobs = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', `https://${hubHosts.blobs}`)
    if (request.headers.authorization !== undefined) return json(response, 400, { error: 'only one authorization' })
    if (!signatures.has(url.searchParams.get('verify') ?? '')) return json(response, 403, { error: 'not signed' })
    await pass(content, request, response, url.pathname)
  }

  const askRegistry = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET' } = request
    const { pathname, search } = new URL(request.url ?? '', `https://${hubHosts.registry}`)
    const [, repository, kind] = /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\//.exec(pathname) ?? []
    const action = method === 'GET' || method === 'HEAD' ? 'pull' : 'push'
    const grant = tokens.read(request.headers.authorization)
    if (grant === undefined || (repository !== undefined && grant.actions.get(repository)?.has(action) !== true)) {
      const scope =
        repository === undefined ? '' : `,scope="repository:${repository}:${action === 'pull' ? 'pull' : 'pull,push'}"`
      const challenge = `Bearer realm="https://${hubHosts.tokens}/token",service="registry.docker.io"${scope}`
      const error = grant === undefined ? '' : ',error="insufficient_scope"'
      response.setHeader('www-authenticate', challenge + error)
      return json(response, 401, {
        errors: [{ code: 'UNAUTHORIZED', message: 'authentication required', detail: null }],
      })
    }
    if (kind === 'manifests' && action === 'pull') {
      if (method === 'GET') hub.remaining -= 1
      response.setHeader('ratelimit-limit', `${limit};w=${window}`)
      response.setHeader('ratelimit-remaining', `${Math.max(hub.remaining, 0)};w=${window}`)
      response.setHeader('docker-ratelimit-source', grant.account ?? '127.0.0.1')
      if (hub.remaining < 0) {
        response.setHeader('retry-after', retryAfter)
        return json(response, 429, {
          errors: [{ code: 'TOOMANYREQUESTS', message: 'You have reached your pull rate limit.' }],
        })
      }
    }
    if (kind === 'blobs' && method === 'GET' && !pathname.includes('/uploads/')) {
      const signature = randomUUID()
      signatures.add(signature)
      response.setHeader('location', `https://${hubHosts.blobs}${pathname}?verify=${signature}`)
      return void response.writeHead(307).end()
    }
    await pass(content, request, response, pathname + search)
  }

  const answer = (request: IncomingMessage, response: ServerResponse): unknown => {
    if (intercept?.(request, response) === true) return undefined
    const { host } = request.headers
    if (host === hubHosts.tokens) return askTokens(request, response)
    return host === hubHosts.blobs ? askBlobs(request, response) : askRegistry(request, response)
  }

  const server = createServer(authority.certificateFor(Object.values(hubHosts)), (request, response) => {
    const record = recordOf(request)
    requests.push(record)
    const write = response.write.bind(response)
    response.write = ((chunk: Uint8Array, ...rest: []) => {
      record.sent += chunk.length
      return write(chunk, ...rest)
    }) as typeof response.write
    response.on('close', () => (record.status = response.statusCode))
    Promise.resolve(answer(request, response)).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.defer(async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => void server.close(() => resolve()))
  })
  const { port } = server.address() as AddressInfo
  const known = new Set(Object.values(hubHosts))
  const proxy = stack.use(await testProxy({ portOf: (host) => (known.has(host) ? port : undefined) }))
  const ends = stack.move()
  return {
    content,
    ca: authority.ca,
    caFile,
    proxy: proxy.url,
    environment: {
      HTTPS_PROXY: proxy.url,
      SSL_CERT_FILE: caFile,
      HOME: directory,
      XDG_CONFIG_HOME: join(directory, 'config'),
      XDG_RUNTIME_DIR: directory,
      DOCKER_CONFIG: join(directory, 'docker'),
    },
    requests,
    get remaining() {
      return hub.remaining
    },
    set remaining(count) {
      hub.remaining = count
    },
    revoke: () => tokens.revoke(),
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  }
}

function recordOf({ headers, method = '', url = '' }: IncomingMessage): HubRequest {
  const { authorization } = headers
  const kind = authorization === undefined ? 'none' : authorization.startsWith('Basic ') ? 'basic' : 'bearer'
  return { host: headers.host ?? '', method, path: url, authorization: kind, range: headers.range, status: 0, sent: 0 }
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

async function pass(content: Registry, from: IncomingMessage, to: ServerResponse, path: string): Promise<void> {
  const { method = 'GET' } = from
  const headers = Object.entries(from.headers).filter(
    ([name]) => !['host', 'authorization', 'connection'].includes(name),
  )
  const hasBody = !['GET', 'HEAD', 'DELETE'].includes(method)
  const request = new Request(new URL(path, 'http://hub.invalid'), {
    method,
    headers: headers.map(([name, value]) => [name, String(value)]),
    ...(hasBody ? { body: Readable.toWeb(from) as ReadableStream<Uint8Array>, duplex: 'half' as const } : {}),
  })
  const answer = await content.handle(request)
  to.writeHead(answer.status, Object.fromEntries(answer.headers))
  if (answer.body === null || method === 'HEAD') return void to.end()
  await pipeline(answer.body, to)
}
