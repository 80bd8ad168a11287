import { createHmac, timingSafeEqual } from 'node:crypto'

/** What a token says. Times are in seconds. */
export interface Claims {
  readonly iss: string
  readonly aud: string
  /** The name of the user or key; empty for nobody. */
  readonly sub: string
  readonly kind: 'anonymous' | 'user' | 'key'
  /** Binds it to the password or key it was got with: it counts no longer than those do. */
  readonly bound: string
  /** What it is good for, as scopes with spaces between them; of access tokens. */
  readonly scope?: string
  readonly iat: number
  readonly exp: number
  readonly jti: string
}

/** What a token is for; one is never taken for the other. */
export type TokenType = 'access' | 'refresh'

/** How far the clocks of two processes may differ, in milliseconds. */
const mostAhead = 300_000
const longestToken = 48 * 1024
const types: Readonly<Record<TokenType, string>> = { access: 'at+jwt', refresh: 'gantry-refresh+jwt' }

/**
 * Signs claims as a JSON Web Token with HMAC and SHA-256: the registry that gives tokens is the one that reads them.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7519
 */
export function signToken(type: TokenType, claims: Claims, secret: Uint8Array): string {
  const signed = `${headerOf(type)}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  return `${signed}.${signatureOf(signed, secret)}`
}

/** What a token of that type says; `undefined` when it is none, is not signed with the secret, or has expired. */
export function readToken(
  type: TokenType,
  token: string,
  options: { readonly secret: Uint8Array; readonly now: number },
): Claims | undefined {
  const { secret, now } = options
  if (token.length > longestToken) return undefined
  const [header = '', payload = '', signature = '', ...more] = token.split('.')
  // The header is compared, not read: so there is no algorithm to be talked into.
  if (more.length > 0 || header !== headerOf(type)) return undefined
  // As texts: the last character has bits that mean nothing, and a token has one form only.
  const given = Buffer.from(signature)
  const wanted = Buffer.from(signatureOf(`${header}.${payload}`, secret))
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined
  // Nobody but this registry has written what is signed.
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
  // An access token of a time to come is of a clock that was wrong, and would be good for as long; who has it gets another.
  const isOfLater = type === 'access' && claims.iat * 1000 > now + mostAhead
  return claims.exp * 1000 > now && !isOfLater ? claims : undefined
}

function headerOf(type: TokenType): string {
  return Buffer.from(JSON.stringify({ alg: 'HS256', typ: types[type] })).toString('base64url')
}

function signatureOf(text: string, secret: Uint8Array): string {
  return createHmac('sha256', secret).update(text).digest('base64url')
}
