import type { RegistryAuth } from '@gantry/client'
import type { RegistryCredentials } from '@gantry/engine'

/** What Docker's clients send of somebody, without what is empty. */
export function registryCredentials({
  username,
  password,
  identitytoken,
  registrytoken,
}: RegistryAuth): RegistryCredentials {
  return {
    ...(username === undefined || username === '' ? {} : { username }),
    ...(password === undefined || password === '' ? {} : { password }),
    ...(identitytoken === undefined || identitytoken === '' ? {} : { identityToken: identitytoken }),
    ...(registrytoken === undefined || registrytoken === '' ? {} : { registryToken: registrytoken }),
  }
}
