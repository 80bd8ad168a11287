import { readFileSync } from 'node:fs'
import { ConfigError } from '../config/config-error.ts'
import { duration, integer, listOf, objectOf, oneOf, optional, secret, text, url } from '../config/fields.ts'
import { glob } from '../access/glob-field.ts'
import type { Glob } from '../access/glob.ts'
import type { RegistryEvent } from '../registry-event.ts'

/** The kinds of events that an endpoint can ask for. */
export const webhookKinds: readonly RegistryEvent['kind'][] = [
  'push',
  'pull',
  'delete',
  'tag',
  'untag',
  'mount',
  'blob-push',
  'blob-pull',
  'blob-delete',
  'cache-hit',
  'cache-miss',
  'cache-stale',
  'gc',
]

/** Somebody who is told of events. */
export interface WebhookEndpoint {
  /** Names it in lists and logs. */
  readonly name: string
  readonly url: string
  /** What the messages to it are signed with. */
  readonly secret: string
  /** Default: push, delete, tag and untag. */
  readonly events: readonly RegistryEvent['kind'][]
  /** Patterns of repositories; of any repository when there is none. */
  readonly repositories: readonly Glob[]
  /** How long it may take to answer, in milliseconds. Default: 10 s. */
  readonly timeout: number
  /** After so many attempts a message is put aside. Default: 12, which with the pauses between them is about a day. */
  readonly attempts: number
}

/** How webhooks are told. */
export interface WebhooksConfig {
  readonly endpoints: readonly WebhookEndpoint[]
  /** How many messages may wait for one endpoint; further ones are dropped, and counted. Default: 10000. */
  readonly queue: number
}

const read = objectOf({
  queue: optional(integer({ min: 1, max: 1_000_000 })),
  endpoints: listOf(
    objectOf({
      name: text({ pattern: /^[\w.-]{1,64}$/, what: 'a name of letters, digits, "." and "-"' }),
      url: url(),
      secret: optional(secret()),
      secretFile: optional(text()),
      events: optional(listOf(oneOf(webhookKinds), { min: 1 })),
      repositories: optional(listOf(glob(), { min: 1 })),
      timeout: optional(duration({ min: 100 })),
      attempts: optional(integer({ min: 1, max: 100 })),
    }),
    { min: 1 },
  ),
})

/** Reads the part of a configuration that is about webhooks. @throws {ConfigError} */
export function parseWebhooksConfig(value: unknown, path = 'webhooks'): WebhooksConfig {
  const { endpoints, queue = 10_000 } = read(value, path)
  const names = new Set<string>()
  return {
    queue,
    endpoints: endpoints.map((endpoint, index) => {
      const at = `${path}.endpoints[${index}]`
      const { name, url: target, events, repositories = [], timeout = 10_000, attempts = 12 } = endpoint
      if (names.has(name)) throw new ConfigError(`${at}.name`, `is "${name}", as that of another endpoint`)
      names.add(name)
      return {
        name,
        url: target,
        secret: readSecret(endpoint, at),
        events: events ?? ['push', 'delete', 'tag', 'untag'],
        repositories,
        timeout,
        attempts,
      }
    }),
  }
}

function readSecret(endpoint: { readonly secret?: string; readonly secretFile?: string }, path: string): string {
  const { secret: text, secretFile } = endpoint
  if ((text === undefined) === (secretFile === undefined)) {
    throw new ConfigError(path, 'needs one of secret and secretFile')
  }
  if (text !== undefined) return text
  try {
    const found = readFileSync(secretFile ?? '', 'utf8').trim()
    if (found !== '') return found
  } catch (cause) {
    throw new ConfigError(`${path}.secretFile`, 'names a file that cannot be read', { cause })
  }
  throw new ConfigError(`${path}.secretFile`, 'names a file that is empty')
}
