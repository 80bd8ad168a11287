import type { Lookup } from '../files/node.ts'
import { childPath } from '../files/resolve-path.ts'
import { needsBuild } from './packages/needs-build.ts'
import type { PackageAbout } from './packages/package-about.ts'
import type { NodePlatform } from './layout/layout.ts'
import type { NodeProject } from './node-project.ts'
import type { NodeSettings } from './settings.ts'

/** Where native addons of the project itself are looked for. */
export interface OwnAddonsPlace {
  readonly tree: Lookup
  /** The packages that the target needs, by directory. */
  readonly workspaces: readonly string[]
  readonly platform: NodePlatform
  readonly installScripts: NodeSettings['installScripts']
}

/** What runs to install those of the project's own packages that are native addons, by directory: those with a `binding.gyp`, say. */
export function findOwnAddons(
  { manifests }: Pick<NodeProject, 'manifests'>,
  { tree, workspaces, platform, installScripts }: OwnAddonsPlace,
): ReadonlyMap<string, Pick<PackageAbout, 'scripts' | 'gyp'>> {
  return new Map(
    workspaces.flatMap((directory) => {
      const manifest = manifests.get(directory)!
      const gyp = manifest.gypfile && tree.lstat(childPath(directory, 'binding.gyp'))?.type === 'file'
      const scripts = Object.fromEntries(
        ['preinstall', 'install', 'postinstall'].flatMap((name) => {
          const script = manifest.scripts.get(name)
          return script === undefined ? [] : [[name, script] as const]
        }),
      )
      const about = { size: 0, bin: {}, scripts, gyp, prebuilds: [] }
      return needsBuild(manifest.name, about, { installScripts, platform }) ? [[directory, about] as const] : []
    }),
  )
}
