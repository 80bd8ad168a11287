import type { RegistryRequest } from '../exchange.ts'
import type { Principal } from '../principal.ts'
import { WireError } from '../wire-error.ts'
import type { AccessConfig } from './access-config.ts'
import { challengeFor } from './challenge.ts'
import type { ChallengeOptions } from './challenge.ts'
import type { Unidentified } from './identify.ts'
import { nobody } from './identity.ts'
import type { Identity } from './identity.ts'
import type { NeededAccess } from './needed-access.ts'
import { isAllowed, isAllowedAnything } from './rules.ts'
import type { Grant } from './rules.ts'
import { formatScopes } from './scope.ts'
import type { Scope } from './scope.ts'

/** A request and who sends it. */
export interface Asking {
  readonly config: AccessConfig
  readonly request: RegistryRequest
  readonly needed: NeededAccess
  readonly identity: Identity | Unidentified
}

/**
 * Lets a request pass, as whom is in the answer. Whoever could do it with other credentials, or with a token for more, is told
 * so with 401; whoever could not, with 403.
 *
 * @throws {WireError} UNAUTHORIZED, DENIED
 */
export function authorize(asking: Asking): Principal {
  const { config, needed, identity } = asking
  if (identity === 'credentials') throw unauthorized(asking, 'the user, password or key is wrong')
  if (identity === 'token') throw unauthorized(asking, 'the token is void or has expired', { error: 'invalid_token' })
  const { subject, scopes } = identity
  const isUnknown = subject.kind === 'anonymous'
  const deny = (what: string): never => {
    if (isUnknown) throw unauthorized(asking, 'this needs a login')
    throw new WireError('DENIED', `${subject.kind} ${JSON.stringify(subject.name)} may not ${what}`)
  }
  switch (needed.kind) {
    case 'login':
      if (isUnknown && scopes === undefined) throw unauthorized(asking, 'this needs a login')
      break
    case 'catalog':
    case 'other':
      if (!isAllowedAnything(config, subject)) deny('see what is here')
      if (needed.kind === 'catalog' && scopes?.some(({ kind }) => kind === 'catalog') === false) {
        throw unauthorized(asking, 'the token is for something else', { error: 'insufficient_scope' })
      }
      break
    case 'repository': {
      const { repository, action, from } = needed
      if (!isAllowed(config, subject, repository, action)) deny(`${verbs[action]} ${repository}`)
      const isEnough =
        suffices(config, scopes, repository, action) &&
        (from === undefined || !isAllowed(config, subject, from, 'pull') || suffices(config, scopes, from, 'pull'))
      if (!isEnough) throw unauthorized(asking, 'the token is for something else', { error: 'insufficient_scope' })
    }
  }
  return principalOf(config, identity)
}

const verbs: Readonly<Record<Grant, string>> = { pull: 'pull from', push: 'push to', delete: 'delete from' }

function principalOf(config: AccessConfig, { subject, scopes }: Identity): Principal {
  return {
    name: subject.name,
    kind: subject.kind,
    ...(subject.user === undefined ? {} : { user: subject.user }),
    may: (repository, action) =>
      isAllowed(config, subject, repository, action) &&
      (action === 'catalog' || suffices(config, scopes, repository, action)),
  }
}

/** Whether a token is enough for it. It never takes away what may be done without one. */
function suffices(config: AccessConfig, scopes: readonly Scope[] | undefined, name: string, action: Grant): boolean {
  const isCovered = scopes?.some(
    (scope) => scope.kind === 'repository' && scope.name === name && scope.actions.includes(action),
  )
  return isCovered !== false || isAllowed(config, nobody.subject, name, action)
}

function unauthorized(
  { config, request, needed }: Asking,
  reason: string,
  options: Pick<ChallengeOptions, 'error'> = {},
): WireError {
  const scope = formatScopes(scopesFor(needed))
  const challenge = challengeFor(config, request, { ...options, ...(scope === '' ? {} : { scope }) })
  return new WireError('UNAUTHORIZED', reason, { headers: { 'WWW-Authenticate': challenge } })
}

/** What a token has to be for. */
function scopesFor(needed: NeededAccess): readonly Scope[] {
  if (needed.kind === 'catalog') return [{ kind: 'catalog' }]
  if (needed.kind !== 'repository') return []
  const { repository, action, from } = needed
  return [
    // Who pushes also asks what is there.
    { kind: 'repository', name: repository, actions: action === 'push' ? ['pull', 'push'] : [action] },
    ...(from === undefined ? [] : [{ kind: 'repository', name: from, actions: ['pull'] } as const]),
  ]
}
