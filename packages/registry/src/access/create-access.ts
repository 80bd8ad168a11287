import type { State } from '@gantry/state'
import type { Answer, RegistryRequest, RegistryResponse } from '../exchange.ts'
import { refusal } from '../refusal.ts'
import type { WireError } from '../wire-error.ts'
import type { AccessConfig } from './access-config.ts'
import { accessSecret } from './access-secret.ts'
import { ApiKeys, listApiKeys } from './api-keys.ts'
import { authorize } from './authorize.ts'
import { tokenPath } from './challenge.ts'
import { Identifier } from './identify.ts'
import { neededAccess } from './needed-access.ts'
import { openHtpasswd } from './open-htpasswd.ts'
import { PeerThrottle } from './peer-throttle.ts'
import { answerToken } from './token-service.ts'
import { steadyNow } from '../clock/steady-clock.ts'

/** What the access control is made of. */
export interface AccessOptions {
  readonly config: AccessConfig
  /** Opened with `registryMigrations`: keys and the secret that tokens are signed with are in it. */
  readonly state: State
  /**
   * What stands before the access control and gives requests the names that content is kept under. A token for a repository is
   * for the one that is pulled under that name, too: a client asks for it by the name that it knows.
   */
  readonly naming?: (next: Answer) => Answer
  /** Told of a password file that cannot be read any more, and of failures of the registry itself. */
  readonly onError?: (error: unknown) => void
  /** Told of what was refused and of why, without anything secret. */
  readonly onRefused?: (refusal: AccessRefusal) => void
  /** Milliseconds between looks at the password file. Default: 1000. */
  readonly interval?: number
  /** The time in milliseconds, for tests. */
  readonly now?: () => number
}

/** A request that was not let through. */
export interface AccessRefusal {
  readonly code: WireError['code']
  readonly reason: string
  readonly method: string
  readonly path: string
  readonly peer?: string
  readonly id?: string
}

/** The access control in front of a registry. Disposing of it ends its thread. */
export interface Access extends AsyncDisposable {
  /** Whether everybody may do everything: nothing is configured, and there are no keys. */
  readonly isOpen: boolean
  /** Lets through what is allowed, and says who asks. */
  readonly before: (next: Answer) => Answer
}

/**
 * Sets the access control up.
 *
 * @throws {AccessError} HTPASSWD_UNREADABLE, HTPASSWD_INVALID
 */
export async function createAccess(options: AccessOptions): Promise<Access> {
  const { config, state, onError, interval, now = steadyNow } = options
  const isOpen = isEmpty(config) && listApiKeys(state).length === 0
  if (isOpen) return { isOpen, before: (next) => next, [Symbol.asyncDispose]: async () => undefined }
  const secret = accessSecret(state, 'tokens')
  const watch = { ...(onError === undefined ? {} : { onError }), ...(interval === undefined ? {} : { interval }) }
  const identifier = new Identifier({
    users: config.htpasswd === undefined ? undefined : await openHtpasswd(config.htpasswd, watch),
    keys: config.keys === false ? undefined : new ApiKeys(state, now),
    throttle: new PeerThrottle(config.throttle ?? { failures: 10, within: 60_000 }, now),
    secret,
    now,
  })
  const naming = options.naming === undefined ? {} : { naming: options.naming }
  const service = { config, identifier, secret, now, ...naming }
  const before = (next: Answer): Answer => {
    return async (request) => {
      try {
        if (request.path === tokenPath) return await answerToken(service, request)
        const needed = neededAccess(request)
        const principal = authorize({ config, request, needed, identity: await identifier.ofRequest(request) })
        return await next({ ...request, principal })
      } catch (error) {
        return refuse(options, request, error)
      }
    }
  }
  return { isOpen, before, [Symbol.asyncDispose]: () => identifier[Symbol.asyncDispose]() }
}

function isEmpty({ htpasswd, rules, groups, keys }: AccessConfig): boolean {
  return htpasswd === undefined && rules === undefined && groups === undefined && keys !== true
}

function refuse({ onError, onRefused }: AccessOptions, request: RegistryRequest, error: unknown): RegistryResponse {
  const { method, path, peer, id } = request
  const known = { ...(peer === undefined ? {} : { peer }), ...(id === undefined ? {} : { id }) }
  const response = refusal(error, request, {
    onFault: onError,
    onRefused: ({ code, message: reason }) => onRefused?.({ code, reason, method, path, ...known }),
  })
  return { ...response, headers: { 'Docker-Distribution-Api-Version': 'registry/2.0', ...response.headers } }
}
