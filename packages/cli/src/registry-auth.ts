import type { RegistryAuth } from '@gantry/client'
import { parseReference } from '@gantry/oci'

/** What this user has for the registry of an image, as the daemon takes it; undefined when that is nothing. */
export async function registryAuth(
  image: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<RegistryAuth | undefined> {
  const { registry } = parseReference(image)
  const { systemCredentials } = await import('./system-credentials.ts')
  const found = await systemCredentials(env)(registry)
  if (found === undefined) return undefined
  if (found.kind === 'identity') return { identitytoken: found.token, serveraddress: registry }
  if (found.kind === 'bearer') return { registrytoken: found.token, serveraddress: registry }
  return { username: found.username, password: found.password, serveraddress: registry }
}
