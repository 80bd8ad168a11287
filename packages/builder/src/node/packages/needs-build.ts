import type { NodePlatform } from '../layout/layout.ts'
import type { NodeSettings } from '../settings.ts'
import type { PackageAbout } from './package-about.ts'

/**
 * Whether a package's install scripts have to run: it is a native addon that has no prebuilt binary for the platform, or the
 * settings name it. Other scripts are never run.
 */
export function needsBuild(
  name: string,
  about: PackageAbout,
  {
    installScripts,
    platform,
  }: { readonly installScripts: NodeSettings['installScripts']; readonly platform: NodePlatform },
): boolean {
  const { scripts, gyp } = about
  if (Object.keys(scripts).length === 0 && !gyp) return false
  if (installScripts === 'none') return false
  if (installScripts !== 'native') return installScripts.includes(name)
  const command = [scripts['preinstall'], scripts['install'], scripts['postinstall']].join('\n')
  const isNative = gyp || /\b(?:node-gyp|node-pre-gyp|prebuild-install|cmake-js|prebuildify|napi)\b/.test(command)
  return isNative && !hasPrebuilt(about, platform)
}

/** Whether a package brings a native module for a platform, where `node-gyp-build` looks for it. */
export function hasPrebuilt({ prebuilds }: PackageAbout, { os, cpu, libc }: NodePlatform): boolean {
  return prebuilds.some((path) => {
    const [, directory = '', file = ''] = path.split('/')
    const [system = '', processors = ''] = directory.split('-', 2)
    if (system !== os || !processors.split('+').includes(cpu)) return false
    const tags = file.split('.')
    return !tags.includes(libc === 'musl' ? 'glibc' : 'musl') && !tags.includes('electron')
  })
}
