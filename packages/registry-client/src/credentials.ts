import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ProcessError, run } from '@gantry/process'
import { RegistryError } from './registry-error.ts'

/** Who somebody is to a registry. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** A refresh token of the registry's token service. */
  | { readonly kind: 'identity'; readonly token: string }
  /** A bearer token, used as it is. */
  | { readonly kind: 'bearer'; readonly token: string }

/** Finds the credential for a registry as it stands in references (`docker.io`, `localhost:5000`); `undefined`: anonymous. */
export type CredentialSource = (registry: string) => Promise<Credential | undefined>

/** Where Docker keeps Docker Hub's. */
const hubKey = 'https://index.docker.io/v1/'

/**
 * The credentials of the `docker` command: `config.json` in `$DOCKER_CONFIG` or `~/.docker`, with its credential helpers
 * (`credHelpers`, `credsStore`). Read again for every lookup, so that a login counts at once.
 *
 * @throws {RegistryError} CREDENTIALS when the file or a helper's answer cannot be read
 */
export function dockerCredentials(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): CredentialSource {
  const directory = environment['DOCKER_CONFIG'] || join(environment['HOME'] || homedir(), '.docker')
  const path = join(directory, 'config.json')
  return async (registry) => {
    const config = await readConfig(path)
    if (config === undefined) return undefined
    const keys = registry === 'docker.io' ? [hubKey, 'docker.io', 'index.docker.io'] : keysOf(registry)
    const helpers = record(config['credHelpers'])
    for (const key of keys) {
      const helper = helpers[key] ?? config['credsStore']
      if (typeof helper !== 'string' || helper === '') continue
      const found = await askHelper(helper, key)
      if (found !== undefined) return found
    }
    const auths = record(config['auths'])
    for (const key of keys) {
      const found = readAuth(record(auths[key]), path, key)
      if (found !== undefined) return found
    }
    return undefined
  }
}

function keysOf(registry: string): readonly string[] {
  return [registry, `https://${registry}`, `http://${registry}`, `https://${registry}/v1/`, `https://${registry}/v2/`]
}

async function readConfig(path: string): Promise<Record<string, unknown> | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new RegistryError('CREDENTIALS', `Cannot read ${JSON.stringify(path)}: check its permissions`, {
      cause: error,
    })
  }
  try {
    return record(JSON.parse(text))
  } catch {
    // The cause would show a part of the text, which may be a secret.
    throw new RegistryError('CREDENTIALS', `Cannot read ${JSON.stringify(path)}: it is not JSON`)
  }
}

function readAuth(auth: Readonly<Record<string, unknown>>, path: string, key: string): Credential | undefined {
  const { identitytoken, registrytoken, username, password } = auth
  if (isText(identitytoken)) return { kind: 'identity', token: identitytoken }
  if (isText(registrytoken)) return { kind: 'bearer', token: registrytoken }
  if (isText(username) && isText(password)) return { kind: 'basic', username, password }
  if (!isText(auth['auth'])) return undefined
  const text = Buffer.from(auth['auth'], 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) {
    throw new RegistryError(
      'CREDENTIALS',
      `Cannot read ${JSON.stringify(path)}: "auth" of ${JSON.stringify(key)} is not "user:password" in base64`,
    )
  }
  return { kind: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') }
}

/** @see https://github.com/docker/docker-credential-helpers/blob/v0.9.3/README.md#development */
async function askHelper(helper: string, key: string): Promise<Credential | undefined> {
  const program = `docker-credential-${helper}`
  const fail = (detail: string): never => {
    throw new RegistryError(
      'CREDENTIALS',
      `Cannot ask ${program} for the credentials of ${JSON.stringify(key)}: ${detail}`,
    )
  }
  if (!/^[A-Za-z0-9._-]+$/.test(helper)) return fail('that is not the name of a program')
  let stdout: string
  try {
    stdout = (await run(program, ['get'], { input: key, env: process.env, timeout: 60_000, maxOutput: 1024 * 1024 }))
      .stdout
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error
    // Helpers say that they have nothing by failing; a helper that is not there has nothing either.
    if (error.code === 'NOT_FOUND' || error.code === 'EXIT') return undefined
    return fail(error.code)
  }
  try {
    const { Username: username, Secret: secret } = record(JSON.parse(stdout))
    if (!isText(secret)) return undefined
    if (username === '<token>') return { kind: 'identity', token: secret }
    return isText(username) ? { kind: 'basic', username, password: secret } : undefined
  } catch {
    return fail('its answer is not JSON')
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
