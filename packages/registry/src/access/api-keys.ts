import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { State } from '@gantry/state'
import { AccessError } from './access-error.ts'
import { rulesField } from './access-config.ts'
import type { Grant, Rule } from './rules.ts'
import { steadyNow } from '../clock/steady-clock.ts'

/** A key as it is listed: what it can do, never what it is. */
export interface ApiKey {
  /** How the key begins, after `gantry_`; it tells keys apart and opens nothing. */
  readonly id: string
  readonly name: string
  /** Whose it is. A key of a user may do what the user may, within its own rules. */
  readonly user?: string
  readonly rules?: readonly KeyRule[]
  /** Times are in milliseconds. */
  readonly created: number
  readonly expires?: number
  /** When it was used last, to the minute. */
  readonly used?: number
}

/** A rule of a key, as it is written. */
export interface KeyRule {
  readonly repositories: readonly string[]
  readonly actions: readonly (Grant | '*')[]
}

/** A key to be made. One without a user and without rules may do what the registry's rules give to `key:NAME`. */
export interface NewApiKey {
  readonly name: string
  readonly user?: string
  readonly rules?: readonly KeyRule[]
  /** In milliseconds. */
  readonly expires?: number
}

const keyPattern = /^gantry_([0-9a-f]{16})_([\w-]{43})$/
/** How often the time of the last use is written, in milliseconds. */
const usedEvery = 60_000

/**
 * Makes a key. Its text is in the answer and nowhere else: the database has only a hash. It is sent as the password, with any
 * user, or as a bearer token.
 *
 * @throws {AccessError} KEY_INVALID, KEY_EXISTS
 * @throws {ConfigError} when the rules are none
 */
export function createApiKey(state: State, key: NewApiKey): { readonly key: ApiKey; readonly secret: string } {
  const { name, user, rules, expires } = key
  if (!/^[\w.@-][\w.@ -]{0,99}$/.test(name)) {
    throw new AccessError('KEY_INVALID', 'Cannot make a key: a name has 1 to 100 letters, digits, ".", "-", "_" or "@"')
  }
  if (expires !== undefined && !(expires > Date.now())) {
    throw new AccessError('KEY_INVALID', `Cannot make the key "${name}": it would have expired already`)
  }
  if (rules !== undefined) rulesField(rules, 'rules')
  const id = randomBytes(8).toString('hex')
  const secret = `gantry_${id}_${randomBytes(32).toString('base64url')}`
  const created = Date.now()
  const { changes } = state.transaction(
    () =>
      state
        .prepare(
          `INSERT INTO registry_api_keys (id, name, user, rules, hash, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (name) DO NOTHING`,
        )
        .run(
          id,
          name,
          user ?? null,
          rules === undefined ? null : JSON.stringify(rules),
          hashOf(secret),
          created,
          expires ?? null,
        ),
    { durable: true },
  )
  if (changes === 0) throw new AccessError('KEY_EXISTS', `Cannot make the key "${name}": there is one of that name`)
  return { key: { ...key, id, created }, secret }
}

/** The keys, by name. */
export function listApiKeys(state: State): readonly ApiKey[] {
  return state.prepare('SELECT * FROM registry_api_keys ORDER BY name').all().map(keyOf)
}

/** Revokes the key of that name or id, and with it every token that was got with it; false when there was none. */
export function revokeApiKey(state: State, nameOrId: string): boolean {
  const sql = 'DELETE FROM registry_api_keys WHERE name = ?1 OR id = ?1'
  return state.transaction(() => state.prepare(sql).run(nameOrId).changes > 0, { durable: true })
}

/** Whether the text is written as a key is. */
export function isApiKey(text: string): boolean {
  return keyPattern.test(text)
}

/** A key that was found, with its rules read. */
export interface FoundKey {
  readonly id: string
  readonly name: string
  readonly user?: string
  readonly confined?: readonly Rule[]
}

/** Finds keys for the access control, and notes when they were used. */
export class ApiKeys {
  readonly #state: State
  readonly #now: () => number
  readonly #used = new Map<string, number>()

  constructor(state: State, now: () => number = steadyNow) {
    this.#state = state
    this.#now = now
  }

  /** The key whose text that is; `undefined` when there is none, or it has expired. */
  bySecret(secret: string): FoundKey | undefined {
    const id = keyPattern.exec(secret)?.[1]
    return id === undefined ? undefined : this.#find(id, secret)
  }

  /** The key of that id, for a token that was got with it. */
  byId(id: string): FoundKey | undefined {
    return this.#find(id)
  }

  #find(id: string, secret?: string): FoundKey | undefined {
    const row = this.#state.prepare('SELECT * FROM registry_api_keys WHERE id = ?').get(id)
    const stored = row?.['hash']
    const isRight = secret === undefined || (stored instanceof Uint8Array && timingSafeEqual(stored, hashOf(secret)))
    if (row === undefined || !isRight) return undefined
    const key = keyOf(row)
    const now = this.#now()
    if (key.expires !== undefined && key.expires <= now) return undefined
    this.#use(id, now)
    return {
      id,
      name: key.name,
      ...(key.user === undefined ? {} : { user: key.user }),
      ...(key.rules === undefined ? {} : { confined: rulesField(key.rules, 'rules') }),
    }
  }

  #use(id: string, now: number): void {
    if ((this.#used.get(id) ?? 0) > now - usedEvery) return
    this.#used.set(id, now)
    this.#state.prepare('UPDATE registry_api_keys SET used = ? WHERE id = ?').run(now, id)
  }
}

function keyOf(row: Readonly<Record<string, unknown>>): ApiKey {
  const { id, name, user, rules, created, expires, used } = row
  return {
    id: String(id),
    name: String(name),
    ...(typeof user === 'string' ? { user } : {}),
    ...(typeof rules === 'string' ? { rules: JSON.parse(rules) as readonly KeyRule[] } : {}),
    created: Number(created),
    ...(typeof expires === 'number' ? { expires } : {}),
    ...(typeof used === 'number' ? { used } : {}),
  }
}

/** A key has 256 random bits: there is nothing to guess that a slow hash would protect. */
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
