import type { PackageAbout } from './packages/package-about.ts'

/** The commands that install a package once its files are there, as npm has them: its scripts, or node-gyp where there is only a `binding.gyp`. */
export function installCommands({ scripts, gyp }: Pick<PackageAbout, 'scripts' | 'gyp'>): readonly string[] {
  const { preinstall, install, postinstall } = scripts
  const isImplied = gyp && preinstall === undefined && install === undefined
  return [
    ...(preinstall === undefined ? [] : ['npm run preinstall']),
    ...(install === undefined ? [] : ['npm run install']),
    ...(isImplied ? ["npm exec -c 'node-gyp rebuild'"] : []),
    ...(postinstall === undefined ? [] : ['npm run postinstall']),
  ]
}
