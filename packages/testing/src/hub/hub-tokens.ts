import { randomUUID } from 'node:crypto'

/** What a token lets its bearer do. */
export interface HubGrant {
  readonly account: string | undefined
  /** `library/alpine` → `pull`, `push`. */
  readonly actions: ReadonlyMap<string, ReadonlySet<string>>
  readonly expires: number
}

/** The token service of a hub: grants what of the scopes somebody may have. */
export class HubTokens {
  readonly #users: Readonly<Record<string, string>>
  readonly #hidden: readonly string[]
  readonly #life: number
  readonly #grants = new Map<string, HubGrant>()

  constructor(options: { users: Readonly<Record<string, string>>; hidden: readonly string[]; life: number }) {
    this.#users = options.users
    this.#hidden = options.hidden
    this.#life = options.life
  }

  /** A token for scopes; `undefined` when the password is wrong. Anonymous people may pull what is public. */
  issue(authorization: string | undefined, scopes: readonly string[]): string | undefined {
    const account = authorization === undefined ? undefined : this.#accountOf(authorization)
    if (authorization !== undefined && account === undefined) return undefined
    const actions = new Map<string, ReadonlySet<string>>()
    for (const scope of scopes.flatMap((each) => each.split(' '))) {
      const [, repository = '', wanted = ''] = /^repository:(.*):([a-z,*]*)$/.exec(scope) ?? []
      const mayPull = account !== undefined || !this.#hidden.includes(repository)
      const mayPush = account !== undefined && repository.startsWith(`${account}/`)
      const granted = wanted.split(',').filter((action) => (action === 'pull' ? mayPull : mayPush))
      actions.set(repository, new Set([...(actions.get(repository) ?? []), ...granted]))
    }
    const token = randomUUID()
    this.#grants.set(token, { account, actions, expires: Date.now() + this.#life * 1000 })
    return token
  }

  /** What a token lets its bearer do, while it counts. */
  read(authorization: string | undefined): HubGrant | undefined {
    const grant = this.#grants.get(/^Bearer (.+)$/.exec(authorization ?? '')?.[1] ?? '')
    return grant !== undefined && grant.expires > Date.now() ? grant : undefined
  }

  /** Ends all tokens at once. */
  revoke(): void {
    this.#grants.clear()
  }

  #accountOf(authorization: string): string | undefined {
    const [, encoded = ''] = /^Basic (.+)$/.exec(authorization) ?? []
    const text = Buffer.from(encoded, 'base64').toString()
    const name = text.slice(0, text.indexOf(':'))
    return this.#users[name] === text.slice(text.indexOf(':') + 1) ? name : undefined
  }
}
