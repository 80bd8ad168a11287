import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where packages come from, and who may have them. Nothing of it reaches an image or a message. */
export interface NpmSettings {
  /** The registry that was set for a package. Ends in a slash. Undefined where none was: npm knows its own. */
  registryOf(name: string): string | undefined
  /** What is sent with a request to this address; undefined: nothing. */
  authorizationFor(url: string): string | undefined
}

/** Reads `.npmrc` of the user and of the project, which wins; `npm_config_registry` wins over both. */
export async function readNpmSettings(
  project: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<NpmSettings> {
  const home = environment['HOME'] ?? homedir()
  const user = environment['npm_config_userconfig'] ?? environment['NPM_CONFIG_USERCONFIG'] ?? join(home, '.npmrc')
  const texts = await Promise.all([user, join(project, '.npmrc')].map((path) => readFile(path, 'utf8').catch(() => '')))
  return parseNpmSettings(texts, environment)
}

/** The same from texts, the later ones winning. */
export function parseNpmSettings(
  texts: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): NpmSettings {
  const values = new Map<string, string>()
  for (const text of texts) {
    for (const line of text.split(/\r?\n/)) {
      const [, name, written] = /^\s*([^;#=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? []
      if (name === undefined || written === undefined) continue
      const value = written.replace(/^"(.*)"$/, '$1')
      values.set(
        name,
        value.replaceAll(/\$\{([^}?]+)\??\}/g, (_, variable: string) => environment[variable] ?? ''),
      )
    }
  }
  const own = environment['npm_config_registry'] ?? environment['NPM_CONFIG_REGISTRY']
  const whole = (url: string): string => (url.endsWith('/') ? url : `${url}/`)
  return {
    registryOf(name) {
      const scope = name.startsWith('@') ? name.slice(0, name.indexOf('/')) : undefined
      const scoped = scope === undefined ? undefined : values.get(`${scope}:registry`)
      const registry = scoped ?? own ?? values.get('registry')
      return registry === undefined ? undefined : whole(registry)
    },
    authorizationFor(url) {
      const { host, pathname } = new URL(url)
      // `//host/path/:_authToken` is good for everything below the path.
      for (let path = pathname; ; path = path.slice(0, path.lastIndexOf('/', path.length - 2) + 1)) {
        const place = `//${host}${path.endsWith('/') ? path : `${path}/`}:`
        const token = values.get(`${place}_authToken`)
        if (token !== undefined && token !== '') return `Bearer ${token}`
        const basic = values.get(`${place}_auth`)
        if (basic !== undefined && basic !== '') return `Basic ${basic}`
        if (path === '/' || path === '') return undefined
      }
    },
  }
}
