import { createHmac, randomBytes } from 'node:crypto'
import { WireError } from '../wire-error.ts'
import { PasswordComparer } from './compare-passwords.ts'
import type { PasswordHashes } from './htpasswd.ts'
import type { PeerThrottle } from './peer-throttle.ts'
import { tooMany } from './too-many.ts'

/** How long a password that was right is known to be, in milliseconds. */
const lifetime = 60_000
const mostKnown = 10_000
const mostPending = 64
/** A hash of nothing anybody knows, for files without users. */
const strangerHash = '$2b$10$r6j66BttQ9zK52pZBgnNS.td3w0rJ3L1CYpu8L.i9Mhd6izA6U3iC'

/** A login to be checked. */
export interface Login {
  readonly user: string
  readonly password: string
  readonly peer: string | undefined
}

/**
 * Checks passwords against hashes. What was right is remembered for a minute, under a key that this process alone knows and
 * that changes with the hash; who asks the same at once is answered together. A user who is not there takes as long as one
 * who is.
 */
export class PasswordCheck implements AsyncDisposable {
  readonly #throttle: PeerThrottle
  readonly #comparer = new PasswordComparer()
  readonly #key = randomBytes(32)
  readonly #known = new Map<string, number>()
  readonly #pending = new Map<string, Promise<boolean>>()

  constructor(throttle: PeerThrottle) {
    this.#throttle = throttle
  }

  /**
   * Whether it is the user's password.
   *
   * @throws {WireError} TOOMANYREQUESTS when the client has been wrong too often, or too many ask at once
   */
  async isRight(users: PasswordHashes, login: Login): Promise<boolean> {
    const own = users.get(login.user)
    const hash = own ?? this.#decoy(users, login.user)
    const key = this.#keyed(`${own === undefined ? 'no' : 'yes'}\0${hash}\0${login.user}\0${login.password}`)
    const until = this.#known.get(key)
    if (until !== undefined && until > performance.now()) return true
    this.#known.delete(key)
    let pending = this.#pending.get(key)
    if (pending === undefined) {
      pending = this.#compare(login, hash, own !== undefined).finally(() => this.#pending.delete(key))
      this.#pending.set(key, pending)
    }
    const isRight = await pending
    if (isRight) this.#remember(key)
    return isRight
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#comparer[Symbol.asyncDispose]()
  }

  async #compare({ password, peer }: Login, hash: string, isUser: boolean): Promise<boolean> {
    const wait = this.#throttle.wait(peer)
    if (wait > 0) throw tooMany('there were too many wrong passwords from this address', wait)
    if (this.#comparer.pending >= mostPending) {
      throw new WireError('TOOMANYREQUESTS', 'too many log in at once', { headers: { 'Retry-After': '1' } })
    }
    // Counted from the start, or many guesses sent at once would all be let pass.
    this.#throttle.add(peer)
    const isEqual = await this.#comparer.compare(password, hash)
    const isRight = isEqual && isUser
    if (isRight) this.#throttle.forgive(peer)
    return isRight
  }

  #remember(key: string): void {
    this.#known.set(key, performance.now() + lifetime)
    if (this.#known.size <= mostKnown) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }

  /** The hash of somebody else, always the same: so strangers cost what users do, whatever the costs in the file are. */
  #decoy(users: PasswordHashes, user: string): string {
    if (users.size === 0) return strangerHash
    const hashes = [...users.values()]
    const at = Number.parseInt(this.#keyed(`decoy\0${user}`).slice(0, 8), 16) % hashes.length
    return hashes[at] ?? strangerHash
  }

  #keyed(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('hex')
  }
}
