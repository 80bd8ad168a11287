import { normalizePlatform, type Platform } from '@gantry/oci'

/** The platform of this machine. */
export function hostPlatform(): Platform {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch === 'ia32' ? '386' : process.arch
  return normalizePlatform({ os: 'linux', architecture })
}
