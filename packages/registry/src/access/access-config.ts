import { ConfigError } from '../config/config-error.ts'
import { duration, integer, listOf, mapOf, objectOf, oneOf, optional, text, truth, url } from '../config/fields.ts'
import type { Field } from '../config/fields.ts'
import { glob } from './glob-field.ts'
import { grants } from './rules.ts'
import type { AccessRule, Grant, Rule, RuleBook } from './rules.ts'

/** Who may do what with a registry. An empty one lets everybody do everything. */
export interface AccessConfig extends RuleBook {
  /** A file of users with bcrypt hashes, as `htpasswd -B` writes it; read again when it changes. */
  readonly htpasswd?: string
  /** Whether API keys are taken. Default: true as soon as anything else is configured. */
  readonly keys?: boolean
  /** How clients are asked for credentials. Basic is taken in both cases. Default: bearer. */
  readonly challenge?: 'bearer' | 'basic'
  readonly token?: {
    /** Where the token service is reached, when it is not where the registry is. */
    readonly realm?: string
    /** What tokens are for. Default: `gantry`. */
    readonly service?: string
    /** How long tokens count, in milliseconds. Default: 5 minutes; one at least. */
    readonly lifetime?: number
    /** How long somebody who has logged in stays so, in milliseconds. Default: 90 days. */
    readonly refreshLifetime?: number
  }
  /** How many wrong credentials a client's address may send in how long. Default: 10 in a minute. */
  readonly throttle?: { readonly failures: number; readonly within: number }
}

const whoPattern = /^(?:anonymous|users|everyone|(?:user|group|key):.{1,255})$/
const who = text({ pattern: whoPattern, what: '"anonymous", "users", "everyone", "user:…", "group:…" or "key:…"' })
const action = oneOf([...grants, '*'])

const actions: Field<readonly Grant[]> = (value, path) => {
  const found = listOf(action, { min: 1 })(value, path)
  return found.includes('*') ? grants : grants.filter((grant) => found.includes(grant))
}

/** One or several patterns. */
const patterns: Field<Rule['repositories']> = listOf(glob({ variables: true }), { min: 1 })

/** Reads the rules that a key is confined to. */
export const rulesField: Field<readonly Rule[]> = listOf(objectOf({ repositories: patterns, actions }), { min: 1 })

const accessRules: Field<readonly AccessRule[]> = listOf(
  objectOf({ who: listOf(who, { min: 1 }), repositories: patterns, actions }),
)

const fields = objectOf({
  htpasswd: optional(text()),
  keys: optional(truth()),
  rules: optional(accessRules),
  groups: optional(mapOf(listOf(text()))),
  challenge: optional(oneOf(['bearer', 'basic'])),
  token: optional(
    objectOf({
      realm: optional(url()),
      service: optional(text({ pattern: /^[\w.:-]{1,255}$/, what: 'a name of letters, digits, ".", ":" and "-"' })),
      lifetime: optional(duration({ min: 60_000 })),
      refreshLifetime: optional(duration({ min: 60_000 })),
    }),
  ),
  throttle: optional(objectOf({ failures: integer({ min: 1 }), within: duration({ min: 1000 }) })),
})

/**
 * Reads the part of a configuration that says who may do what. Strict: what it does not know is refused, and so is a rule for a
 * group that is not there.
 *
 * @throws {ConfigError} with the path of what is wrong
 */
export function parseAccessConfig(value: unknown, path = 'access'): AccessConfig {
  const config: AccessConfig = fields(value, path)
  for (const [index, rule] of (config.rules ?? []).entries()) {
    for (const name of rule.who) {
      const group = /^group:(.*)$/s.exec(name)?.[1]
      if (group === undefined || config.groups?.[group] !== undefined) continue
      throw new ConfigError(`${path}.rules[${index}].who`, `names the group "${group}", which ${path}.groups has not`)
    }
  }
  return config
}
