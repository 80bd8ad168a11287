import type { RegistryAuth } from '@gantry/client'
import { parseReference } from '@gantry/oci'
import { credentialsOf } from './docker-config.ts'

/** What this user has for the registry of an image (docker's config.json and its credential helpers), or undefined. */
export async function registryAuth(
  image: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<RegistryAuth | undefined> {
  return credentialsOf(parseReference(image).registry, env)
}
