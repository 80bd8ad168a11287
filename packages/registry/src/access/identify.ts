import { createHmac } from 'node:crypto'
import type { RegistryRequest } from '../exchange.ts'
import { ApiKeys, isApiKey } from './api-keys.ts'
import type { FoundKey } from './api-keys.ts'
import { parseCredentials } from './credentials.ts'
import type { PasswordHashes } from './htpasswd.ts'
import { nobody } from './identity.ts'
import type { Identity } from './identity.ts'
import { PasswordCheck } from './password-check.ts'
import type { Login } from './password-check.ts'
import type { PeerThrottle } from './peer-throttle.ts'
import { readScopes } from './scope.ts'
import { readToken } from './signed-token.ts'
import type { TokenType } from './signed-token.ts'
import { tooMany } from './too-many.ts'
import type { WatchedFile } from './watched-file.ts'

/** What it takes to know who asks. */
export interface IdentifierParts {
  readonly users: WatchedFile<PasswordHashes> | undefined
  /** Without them keys are not taken. */
  readonly keys: ApiKeys | undefined
  readonly throttle: PeerThrottle
  readonly secret: Uint8Array
  readonly now: () => number
}

/** Why somebody is not who they say. */
export type Unidentified = 'credentials' | 'token'

/** Finds out who asks, from passwords, keys and tokens. */
export class Identifier implements AsyncDisposable {
  readonly #parts: IdentifierParts
  readonly #passwords: PasswordCheck

  constructor(parts: IdentifierParts) {
    this.#parts = parts
    this.#passwords = new PasswordCheck(parts.throttle)
  }

  /**
   * Who sends the request, or why that is not known.
   *
   * @throws {WireError} TOOMANYREQUESTS
   */
  async ofRequest(request: RegistryRequest): Promise<Identity | Unidentified> {
    const credentials = parseCredentials(request.header('authorization'))
    switch (credentials.kind) {
      case 'none':
        return nobody
      case 'malformed':
        return 'credentials'
      case 'basic':
        return (await this.ofLogin({ ...credentials, peer: request.peer })) ?? 'credentials'
      case 'bearer':
        if (isApiKey(credentials.token)) return (await this.#ofKey(credentials.token, request.peer)) ?? 'credentials'
        return (await this.ofToken('access', credentials.token)) ?? 'token'
    }
  }

  /** Whose user and password that is; a key may stand for the password, whatever the user is called. */
  async ofLogin(login: Login): Promise<Identity | undefined> {
    const { keys, users } = this.#parts
    if (keys !== undefined && isApiKey(login.password)) return this.#ofKey(login.password, login.peer)
    if (users === undefined) return undefined
    const hashes = await users.current()
    if (!(await this.#passwords.isRight(hashes, login))) return undefined
    return this.#ofUser(login.user, hashes.get(login.user) ?? '')
  }

  /** Who has got the token, if they still may come with it: the password has not changed, the key was not revoked. */
  async ofToken(type: TokenType, token: string): Promise<Identity | undefined> {
    const { secret, now, users } = this.#parts
    const claims = readToken(type, token, { secret, now: now() })
    if (claims === undefined) return undefined
    const scopes = claims.scope === undefined ? {} : { scopes: readScopes(claims.scope) }
    if (claims.kind === 'anonymous') return { ...nobody, ...scopes }
    if (claims.kind === 'key') {
      const key = await this.#keyOf(claims.bound)
      return key === undefined ? undefined : { ...key, ...scopes }
    }
    const hash = (await users?.current())?.get(claims.sub)
    if (hash === undefined) return undefined
    const identity = this.#ofUser(claims.sub, hash)
    return identity.bound === claims.bound ? { ...identity, ...scopes } : undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#passwords[Symbol.asyncDispose]()
  }

  #ofUser(name: string, hash: string): Identity {
    const bound = createHmac('sha256', this.#parts.secret).update(`password\0${name}\0${hash}`).digest('base64url')
    return { subject: { kind: 'user', name, user: name }, bound }
  }

  async #ofKey(secret: string, peer: string | undefined): Promise<Identity | undefined> {
    const { keys, throttle } = this.#parts
    const found = await this.#stillHasUser(keys?.bySecret(secret))
    if (found !== undefined) return identityOf(found)
    const wait = throttle.wait(peer)
    if (wait > 0) throw tooMany('there were too many wrong keys from this address', wait)
    throttle.add(peer)
    return undefined
  }

  async #keyOf(id: string): Promise<Identity | undefined> {
    const found = await this.#stillHasUser(this.#parts.keys?.byId(id))
    return found === undefined ? undefined : identityOf(found)
  }

  /** A key ends with the user whose it is. */
  async #stillHasUser(key: FoundKey | undefined): Promise<FoundKey | undefined> {
    if (key?.user === undefined || this.#parts.users === undefined) return key
    return (await this.#parts.users.current()).has(key.user) ? key : undefined
  }
}

function identityOf({ id, name, user, confined }: FoundKey): Identity {
  return {
    subject: {
      kind: 'key',
      name,
      ...(user === undefined ? {} : { user }),
      ...(confined === undefined ? {} : { confined }),
    },
    bound: id,
  }
}
