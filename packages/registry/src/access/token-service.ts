import { randomUUID } from 'node:crypto'
import { collect } from '@gantry/image'
import { bodyOf, jsonResponse } from '../exchange.ts'
import type { Answer, RegistryRequest, RegistryResponse } from '../exchange.ts'
import { parseRoute } from '../route.ts'
import { WireError } from '../wire-error.ts'
import type { AccessConfig } from './access-config.ts'
import { basicChallenge, serviceOf } from './challenge.ts'
import type { Identifier } from './identify.ts'
import type { Identity } from './identity.ts'
import { isAllowed, isAllowedAnything } from './rules.ts'
import { formatScopes, parseScopes } from './scope.ts'
import type { Scope } from './scope.ts'
import { signToken } from './signed-token.ts'
import type { TokenType } from './signed-token.ts'

/** What the token service is made of. */
export interface TokenServiceParts {
  readonly config: AccessConfig
  readonly identifier: Identifier
  readonly secret: Uint8Array
  readonly now: () => number
  /** As in `AccessOptions`. */
  readonly naming?: (next: Answer) => Answer
}

const minute = 60_000
const longestForm = 64 * 1024

/**
 * Answers the token service: `GET` with Basic credentials or none, and `POST` of a form with a password or a refresh token.
 * Granted is what was asked for and may be done; the token says what that is.
 *
 * @see https://github.com/distribution/distribution/blob/v3.0.0/docs/content/spec/auth/token.md
 * @see https://github.com/distribution/distribution/blob/v3.0.0/docs/content/spec/auth/oauth.md
 */
export async function answerToken(parts: TokenServiceParts, request: RegistryRequest): Promise<RegistryResponse> {
  if (request.method === 'GET') return answerGet(parts, request)
  if (request.method === 'POST') return answerPost(parts, request)
  throw new WireError('UNSUPPORTED', 'here are GET, POST only', { headers: { Allow: 'GET, POST' } })
}

async function answerGet(parts: TokenServiceParts, request: RegistryRequest): Promise<RegistryResponse> {
  const { query } = request
  const identity = await parts.identifier.ofRequest(request)
  // A token gets no further token: what it is good for would not narrow that one.
  if (typeof identity === 'string' || identity.scopes !== undefined) throw unauthorized()
  const { kind, user } = identity.subject
  const account = query.get('account') ?? ''
  if (kind === 'user' && account !== '' && account !== user) throw unauthorized()
  return grant(
    { parts, request, identity },
    { scopes: query.getAll('scope'), isOffline: query.get('offline_token') === 'true' },
  )
}

async function answerPost(parts: TokenServiceParts, request: RegistryRequest): Promise<RegistryResponse> {
  const form = await readForm(request)
  const scopes = form.getAll('scope')
  const isOffline = form.get('access_type') === 'offline'
  const grantType = form.get('grant_type')
  if (grantType === 'refresh_token') {
    const refresh = form.get('refresh_token') ?? ''
    const identity = await parts.identifier.ofToken('refresh', refresh)
    if (identity === undefined) throw unauthorized()
    return grant({ parts, request, identity }, { scopes, isOffline: false, refresh })
  }
  if (grantType !== 'password') {
    throw new WireError('UNSUPPORTED', 'the grant_type is neither "password" nor "refresh_token"', { status: 400 })
  }
  const login = { user: form.get('username') ?? '', password: form.get('password') ?? '', peer: request.peer }
  const identity = await parts.identifier.ofLogin(login)
  if (identity === undefined) throw unauthorized()
  return grant({ parts, request, identity }, { scopes, isOffline })
}

interface Asked {
  readonly scopes: readonly string[]
  readonly isOffline: boolean
  /** The refresh token that they came with. */
  readonly refresh?: string
}

/** A request for a token, and who sends it. */
interface Granting {
  readonly parts: TokenServiceParts
  readonly request: RegistryRequest
  readonly identity: Identity
}

async function grant(granting: Granting, asked: Asked): Promise<RegistryResponse> {
  const { parts, identity } = granting
  const { config, now } = parts
  const scopes = parseScopes(asked.scopes)
  if (scopes === undefined)
    throw new WireError('UNSUPPORTED', 'that are too many scopes for one token', { status: 400 })
  const scope = formatScopes(await granted(granting, scopes))
  const lifetime = Math.max(minute, config.token?.lifetime ?? 5 * minute)
  const token = sign(parts, identity, { type: 'access', lifetime, scope })
  const refresh =
    asked.refresh ??
    (asked.isOffline && identity.subject.kind !== 'anonymous'
      ? sign(parts, identity, { type: 'refresh', lifetime: config.token?.refreshLifetime ?? 90 * 24 * 60 * minute })
      : undefined)
  return jsonResponse(
    200,
    {
      token,
      access_token: token,
      token_type: 'Bearer',
      scope,
      expires_in: Math.floor(lifetime / 1000),
      issued_at: new Date(now()).toISOString(),
      ...(refresh === undefined ? {} : { refresh_token: refresh }),
    },
    { 'Cache-Control': 'no-store' },
  )
}

async function granted({ parts, request, identity }: Granting, asked: readonly Scope[]): Promise<readonly Scope[]> {
  const { config, naming } = parts
  const { subject } = identity
  const result: Scope[] = []
  for (const scope of asked) {
    if (scope.kind === 'catalog') {
      if (isAllowedAnything(config, subject)) result.push(scope)
      continue
    }
    const kept = naming === undefined ? scope.name : await keptName(naming, request, scope.name)
    for (const name of new Set([scope.name, kept])) {
      const actions = scope.actions.filter((action) => isAllowed(config, subject, name, action))
      if (actions.length > 0) result.push({ ...scope, name, actions })
    }
  }
  return result
}

/** The repository that is pulled from under a name. */
async function keptName(naming: (next: Answer) => Answer, request: RegistryRequest, name: string): Promise<string> {
  let path = ''
  const answer = naming(async (renamed) => {
    path = renamed.path
    return { status: 200, headers: {} }
  })
  await answer({ ...request, method: 'GET', path: `/v2/${name}/tags/list`, query: new URLSearchParams() })
  const route = parseRoute(path)
  return route?.kind === 'tags' ? route.repository : name
}

interface Signing {
  readonly type: TokenType
  /** In milliseconds. */
  readonly lifetime: number
  readonly scope?: string
}

function sign({ config, secret, now }: TokenServiceParts, identity: Identity, signing: Signing): string {
  const { type, lifetime, scope } = signing
  const { subject, bound } = identity
  const issued = Math.floor(now() / 1000)
  const service = serviceOf(config)
  const claims = {
    iss: service,
    aud: service,
    sub: subject.name,
    kind: subject.kind,
    bound,
    ...(scope === undefined ? {} : { scope }),
    iat: issued,
    exp: issued + Math.floor(lifetime / 1000),
    jti: randomUUID(),
  }
  return signToken(type, claims, secret)
}

async function readForm(request: RegistryRequest): Promise<URLSearchParams> {
  const type = request.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') {
    throw new WireError('UNSUPPORTED', 'the token service takes a form', { status: 415 })
  }
  const bytes = await collect(bodyOf(request), longestForm)
  if (bytes === undefined) throw new WireError('SIZE_INVALID', 'the form is too long', { status: 413 })
  return new URLSearchParams(new TextDecoder().decode(bytes))
}

/** The same for whoever is not who they say, whatever was wrong. */
function unauthorized(): WireError {
  return new WireError('UNAUTHORIZED', 'the user, password, key or token is wrong', {
    headers: { 'WWW-Authenticate': basicChallenge },
  })
}
