import { join } from 'node:path'
import type { NodeCodec } from '@gantry/codec'
import type { RegistryCredentials, RemoteRepository } from '@gantry/engine'
import type { Reference } from '@gantry/oci'
import {
  createRegistryClient,
  describeClientEvent,
  systemCredentials,
  uploadMemory,
  type Credential,
} from '@gantry/registry-client'

/** What a repository is opened with. */
export interface OpenRemoteOptions {
  readonly codec: NodeCodec
  /** Of the registry that is named; no other is told them. */
  readonly credentials: RegistryCredentials | undefined
  /** The root: pushes that were broken off are remembered there. */
  readonly root: string
  /** Told what people want to know: waits, mirrors that fail, limits that are nearly reached. */
  readonly onNotice?: ((text: string) => void) | undefined
}

/** Opens a repository of a registry, with the credentials given or those that this user has for it. */
export function openRemote(reference: Reference, options: OpenRemoteOptions): RemoteRepository {
  const { codec, credentials: given, root, onNotice } = options
  const credential = given === undefined ? undefined : credentialOf(given)
  const own = systemCredentials()
  const client = createRegistryClient({
    codec,
    uploads: uploadMemory(join(root, 'uploads')),
    // A mirror, and whoever else is asked on the way, is another registry.
    credentials: async (registry) => (registry === reference.registry && credential) || own(registry),
    onEvent: (event) => {
      const text = describeClientEvent(event)
      if (text !== undefined) onNotice?.(text)
    },
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
