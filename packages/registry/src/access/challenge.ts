import type { RegistryRequest } from '../exchange.ts'
import type { AccessConfig } from './access-config.ts'

/** Where the token service is. It is under `/v2/`, which is what is let through to a registry. */
export const tokenPath = '/v2/_gantry/token'

/** What the challenge is about. */
export interface ChallengeOptions {
  readonly scope?: string
  readonly error?: 'invalid_token' | 'insufficient_scope'
}

/** The value of `WWW-Authenticate`: how to come back with credentials. */
export function challengeFor(config: AccessConfig, request: RegistryRequest, options: ChallengeOptions = {}): string {
  const realm = realmFor(config, request)
  if (config.challenge === 'basic' || realm === undefined) return basicChallenge
  const { scope, error } = options
  return [
    `Bearer realm="${realm}",service="${serviceOf(config)}"`,
    ...(scope === undefined ? [] : [`scope="${scope}"`]),
    ...(error === undefined ? [] : [`error="${error}"`]),
  ].join(',')
}

/** Asks for a user and a password. */
export const basicChallenge = 'Basic realm="Gantry", charset="UTF-8"'

/** What tokens are for. */
export function serviceOf({ token }: AccessConfig): string {
  return token?.service ?? 'gantry'
}

/** The service is where the client has reached the registry: whatever it is called, that name has worked. */
function realmFor({ token }: AccessConfig, { scheme = 'http', host = '' }: RegistryRequest): string | undefined {
  if (token?.realm !== undefined) return token.realm.replaceAll('"', '%22')
  return /^[A-Za-z0-9.:[\]_-]{1,255}$/.test(host) ? `${scheme}://${host}${tokenPath}` : undefined
}
