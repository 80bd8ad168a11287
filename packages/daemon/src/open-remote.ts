import type { NodeCodec } from '@gantry/codec'
import type { RegistryCredentials, RemoteRepository } from '@gantry/engine'
import type { Reference } from '@gantry/oci'
import { createRegistryClient, type Credential } from '@gantry/registry-client'

/** Opens a repository of a registry, with the credentials given or those that docker's configuration has for it. */
export function openRemote(
  reference: Reference,
  options: { readonly codec: NodeCodec; readonly credentials: RegistryCredentials | undefined },
): RemoteRepository {
  const { codec, credentials: given } = options
  const credential = given === undefined ? undefined : credentialOf(given)
  const client = createRegistryClient({
    codec,
    ...(credential === undefined ? {} : { credentials: () => Promise.resolve(credential) }),
  })
  // A registry over this very store needs no bytes from us, and shows the store's ID.
  const storeId: RemoteRepository['storeId'] = ({ signal }) => client.storeOf(reference.registry, { signal })
  return Object.assign(client.repository(reference), { storeId })
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
