import { collect } from '@gantry/image'
import { parseJson } from '@gantry/oci'
import type { Challenge } from './challenge.ts'
import { connectionFailure } from './transport/connection-failure.ts'
import type { Credential, CredentialSource } from './credentials/credential.ts'
import { RegistryError } from './registry-error.ts'
import { retryAfterOf } from './retry.ts'
import type { HttpRequest, HttpResponse, Transport } from './transport/transport.ts'

type BearerChallenge = Extract<Challenge, { scheme: 'bearer' }>

interface Token {
  readonly text: string
  /** When to get another, in milliseconds of a clock that nobody sets. */
  readonly expires: number
}

/** What somebody wants to do, in the words of the token service: `repository:library/alpine:pull`. */
export type Scope = string

const longestAnswer = 256 * 1024
/** A token is not used in its last seconds: the request has to arrive with it. */
const margin = 10_000
const shortestLife = 60
/** A login counts after this time at the latest, in milliseconds. */
const credentialLife = 30_000

/**
 * Knows for each registry how it wants to be asked, and gets tokens for it. Tokens are kept in memory, by registry and scope;
 * several requests that need the same one share the asking.
 *
 * @see https://github.com/distribution/distribution/blob/v3.0.0/docs/content/spec/auth/token.md
 */
export class Authorizer {
  readonly #transport: Transport
  readonly #credentials: CredentialSource
  readonly #endpointOf: (registry: string) => URL
  readonly #challenges = new Map<string, Challenge>()
  readonly #tokens = new Map<string, Promise<Token>>()
  readonly #found = new Map<string, { readonly credential: Promise<Credential | undefined>; readonly until: number }>()

  constructor(transport: Transport, credentials: CredentialSource, endpointOf: (registry: string) => URL) {
    this.#transport = transport
    this.#credentials = credentials
    this.#endpointOf = endpointOf
  }

  /** What to send as `Authorization`; `undefined` until the registry has asked for it, and for anonymous access. */
  async header(
    registry: string,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const challenge = this.#challenges.get(registry)
    if (challenge === undefined) return undefined
    const credential = await this.#credential(registry)
    if (challenge.scheme === 'basic') {
      return credential?.kind === 'basic' ? basic(credential.username, credential.password) : undefined
    }
    if (credential?.kind === 'bearer') return `Bearer ${credential.token}`
    const token = await this.#token({ registry, challenge, scopes, credential, signal })
    return `Bearer ${token.text}`
  }

  /** Takes the challenges of a 401 in; whether a request is worth sending again, with another `header`. */
  learn(registry: string, challenges: readonly Challenge[], scopes: readonly Scope[]): boolean {
    const challenge = challenges.find((each) => each.scheme === 'bearer') ?? challenges[0]
    if (challenge === undefined) return false
    this.#challenges.set(registry, challenge)
    if (challenge.scheme === 'bearer') this.#tokens.delete(keyOf(registry, wanted(challenge, scopes)))
    return true
  }

  /** Whether there is a credential for the registry. */
  async knows(registry: string): Promise<boolean> {
    return (await this.#credential(registry)) !== undefined
  }

  /** Finding one may mean to run a program. */
  #credential(registry: string): Promise<Credential | undefined> {
    const known = this.#found.get(registry)
    if (known !== undefined && known.until > performance.now()) return known.credential
    const credential = this.#credentials(registry)
    this.#found.set(registry, { credential, until: performance.now() + credentialLife })
    credential.catch(() => this.#found.delete(registry))
    return credential
  }

  async #token(asked: TokenRequest): Promise<Token> {
    const key = keyOf(asked.registry, wanted(asked.challenge, asked.scopes))
    const known = this.#tokens.get(key)
    if (known !== undefined) {
      const token = await known.catch(() => undefined)
      if (token !== undefined && token.expires > performance.now()) return token
      if (this.#tokens.get(key) === known) this.#tokens.delete(key)
    }
    let pending = this.#tokens.get(key)
    if (pending === undefined) {
      pending = this.#fetchToken(asked)
      this.#tokens.set(key, pending)
    }
    try {
      return await pending
    } catch (error) {
      if (this.#tokens.get(key) === pending) this.#tokens.delete(key)
      throw error
    }
  }

  async #fetchToken(asked: TokenRequest): Promise<Token> {
    const { registry, challenge } = asked
    const realm = readRealm(challenge.realm, registry, this.#endpointOf(registry))
    try {
      const response = await this.#transport({ ...tokenRequest(realm, asked), ledBy: this.#endpointOf(registry) })
      if (response.status === 200) return await readToken(response, registry, realm)
      await response.discard()
      throw refused(registry, realm, response, asked.credential)
    } catch (error) {
      // Who asks the registry must not be told that it was the registry that failed.
      const { signal } = asked
      throw signal?.aborted === true
        ? signal.reason
        : connectionFailure(error, `Cannot log in to ${registry}`, realm.host)
    }
  }
}

interface TokenRequest {
  readonly registry: string
  readonly challenge: BearerChallenge
  readonly scopes: readonly Scope[]
  readonly credential: Credential | undefined
  readonly signal: AbortSignal | undefined
}

function wanted(challenge: BearerChallenge, scopes: readonly Scope[]): readonly Scope[] {
  return scopes.length > 0 ? scopes : challenge.scope === undefined ? [] : [challenge.scope]
}

function keyOf(registry: string, scopes: readonly Scope[]): string {
  return [registry, ...scopes].join(' ')
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** The realm gets the user's password: it must be as safe as the registry itself. */
function readRealm(realm: string, registry: string, endpoint: URL): URL {
  const url = URL.parse(realm)
  if (url?.protocol === 'https:') return url
  const isLocal = url !== null && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  // The registry itself, where it was said to be without TLS: that is where its challenge has come from.
  const isOwn = url?.origin === endpoint.origin
  if (url?.protocol === 'http:' && (isLocal || isOwn)) return url
  throw new RegistryError('PROTOCOL', `Cannot log in to ${registry}: its token service is not at an https address`, {
    registry,
  })
}

function tokenRequest(realm: URL, { challenge, scopes, credential, signal }: TokenRequest): HttpRequest {
  const fields = new URLSearchParams()
  if (challenge.service !== undefined) fields.set('service', challenge.service)
  const withSignal = signal === undefined ? {} : { signal }
  if (credential?.kind === 'identity') {
    fields.set('grant_type', 'refresh_token')
    fields.set('refresh_token', credential.token)
    fields.set('client_id', 'gantry')
    fields.set('scope', wanted(challenge, scopes).join(' '))
    const body = new TextEncoder().encode(fields.toString())
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }
    return { method: 'POST', url: realm, headers, body, ...withSignal }
  }
  for (const scope of wanted(challenge, scopes)) fields.append('scope', scope)
  fields.set('client_id', 'gantry')
  const headers: Record<string, string> = {}
  if (credential?.kind === 'basic') {
    fields.set('account', credential.username)
    headers['authorization'] = basic(credential.username, credential.password)
  }
  const url = new URL(realm)
  for (const [name, value] of fields) url.searchParams.append(name, value)
  return { method: 'GET', url, headers, ...withSignal }
}

async function readToken(response: HttpResponse, registry: string, realm: URL): Promise<Token> {
  const bytes = await collect(response.body, longestAnswer)
  let value: unknown
  try {
    value = bytes === undefined ? undefined : parseJson(bytes)
  } catch {
    // The cause may show a part of the token.
    value = undefined
  }
  const answer = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  const text = answer['token'] ?? answer['access_token']
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
    throw new RegistryError('PROTOCOL', `Cannot log in to ${registry}: the token service ${realm.host} gave no token`, {
      registry,
    })
  }
  const life = typeof answer['expires_in'] === 'number' ? Math.max(answer['expires_in'], shortestLife) : shortestLife
  return { text, expires: performance.now() + life * 1000 - margin }
}

function refused(
  registry: string,
  realm: URL,
  response: HttpResponse,
  credential: Credential | undefined,
): RegistryError {
  const { status } = response
  const retryAfter = retryAfterOf(response)
  const known = credential === undefined ? 'there are no credentials' : 'the credentials were refused'
  const code = status === 401 || status === 403 ? 'UNAUTHORIZED' : status === 429 ? 'TOOMANYREQUESTS' : 'SERVER'
  const hint = code === 'UNAUTHORIZED' ? `${known} for ${registry}; run "gantry login ${registry}"` : 'try again later'
  return new RegistryError(
    code,
    `Cannot log in to ${registry}: the token service ${realm.host} answered ${status} (${hint})`,
    {
      status,
      registry,
      ...(retryAfter === undefined ? {} : { retryAfter }),
    },
  )
}
