import type { RegistryCredentials, RemoteRepository } from '@gantry/engine'
import type { Reference } from '@gantry/oci'
import { createRegistryClient, type Credential } from '@gantry/registry-client'

/** Opens a repository of a registry, with the credentials given or those that docker's configuration has for it. */
export function openRemote(reference: Reference, given: RegistryCredentials | undefined): RemoteRepository {
  const credential = given === undefined ? undefined : credentialOf(given)
  const client = createRegistryClient(
    credential === undefined ? {} : { credentials: () => Promise.resolve(credential) },
  )
  return client.repository(reference)
}

function credentialOf({
  username,
  password,
  identityToken,
  registryToken,
}: RegistryCredentials): Credential | undefined {
  if (registryToken !== undefined) return { kind: 'bearer', token: registryToken }
  if (identityToken !== undefined) return { kind: 'identity', token: identityToken }
  if (username !== undefined && password !== undefined) return { kind: 'basic', username, password }
  return undefined
}
