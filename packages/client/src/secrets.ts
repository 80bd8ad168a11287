import type { Http } from './http.ts'
import type { Secret } from './types/secret.ts'

/** Verbs of secrets, on Gantry's own paths. */
export interface SecretsApi {
  list(): Promise<Secret[]>
  create(name: string, value: Uint8Array, options?: { labels?: Record<string, string> }): Promise<Secret>
  inspect(name: string): Promise<Secret>
  remove(name: string): Promise<void>
}

/** Verbs of secrets over an HTTP connection. */
export function secretsApi(http: Http): SecretsApi {
  const path = (name: string): string => `/gantry/secrets/${encodeURIComponent(name)}`
  return {
    list: () => http.json('GET', '/gantry/secrets'),
    create: (name, value, { labels } = {}) =>
      http.json('POST', '/gantry/secrets', {
        json: { Name: name, Data: Buffer.from(value).toString('base64'), Labels: labels },
      }),
    inspect: (name) => http.json('GET', path(name)),
    remove: async (name) => {
      await http.empty('DELETE', path(name))
    },
  }
}
