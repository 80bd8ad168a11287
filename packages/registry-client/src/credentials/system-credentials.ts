import type { Environment } from '../transport/proxy-for.ts'
import { credentialIn, helperOf, isHub, parseAuthFile, readAuthFile } from './auth-file.ts'
import type { AuthFile } from './auth-file.ts'
import { authFilePaths, dockerConfigPath } from './auth-paths.ts'
import type { Credential, CredentialSource } from './credential.ts'
import { getFromHelper } from './helper.ts'

/**
 * The credentials that this user has, the first that there are:
 *
 * 1. `GANTRY_REGISTRY_TOKEN` (a bearer token), or `GANTRY_REGISTRY_USER` with `GANTRY_REGISTRY_PASSWORD`: for the registry that
 *    `GANTRY_REGISTRY` names, `docker.io` where it names none, and for no other;
 * 2. `DOCKER_AUTH_CONFIG`: the text of a docker `config.json`;
 * 3. the files of {@link authFilePaths}, with their credential helpers (`credHelpers`, `credsStore`).
 *
 * Read again for every lookup, so that a login counts at once.
 *
 * @throws {RegistryError} CREDENTIALS when a file or a helper's answer cannot be read
 */
export function systemCredentials(environment: Environment = process.env): CredentialSource {
  return async (registry) => {
    const given = fromEnvironment(environment, registry)
    if (given !== undefined) return given
    const text = environment['DOCKER_AUTH_CONFIG']
    if (text !== undefined && text !== '') {
      const found = await lookup(parseAuthFile(text, 'DOCKER_AUTH_CONFIG'), registry)
      if (found !== undefined) return found
    }
    for (const path of authFilePaths(environment)) {
      const file = await readAuthFile(path)
      const found = file === undefined ? undefined : await lookup(file, registry)
      if (found !== undefined) return found
    }
    return undefined
  }
}

/** The credentials of the `docker` command alone. @throws {RegistryError} CREDENTIALS */
export function dockerCredentials(environment: Environment = process.env): CredentialSource {
  return async (registry) => {
    const file = await readAuthFile(dockerConfigPath(environment))
    return file === undefined ? undefined : lookup(file, registry)
  }
}

async function lookup(file: AuthFile, registry: string): Promise<Credential | undefined> {
  const found = helperOf(file, registry)
  const kept = found === undefined ? undefined : await getFromHelper(found.helper, found.key)
  return kept ?? credentialIn(file, registry)
}

function fromEnvironment(environment: Environment, registry: string): Credential | undefined {
  const named = environment['GANTRY_REGISTRY'] || 'docker.io'
  if (named !== registry && !(isHub(named) && isHub(registry))) return undefined
  const token = environment['GANTRY_REGISTRY_TOKEN']
  const username = environment['GANTRY_REGISTRY_USER']
  const password = environment['GANTRY_REGISTRY_PASSWORD']
  if (token !== undefined && token !== '') return { kind: 'bearer', token }
  if (username === undefined || username === '' || password === undefined || password === '') return undefined
  return { kind: 'basic', username, password }
}
