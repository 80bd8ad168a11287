import { BuildError } from '../build-error.ts'
import { installCommands } from './install-commands.ts'
import type { NodeProject } from './node-project.ts'
import type { PackageAbout } from './packages/package-about.ts'
import type { NodeSettings } from './settings.ts'

/** What makes files of a workspace. */
export interface BuildCommands {
  /** The workspace, relative to the project. */
  readonly directory: string
  /** For `sh`, in its directory. */
  readonly commands: readonly string[]
}

/** Which workspaces something may have to be run for. */
export interface BuildScope {
  readonly workspaces: readonly string[]
  /** Those that are native addons. */
  readonly addons: ReadonlyMap<string, Pick<PackageAbout, 'scripts' | 'gyp'>>
}

/**
 * What is run to make the files of workspaces, in their order: what installs a native addon, then the script that is set for the
 * target, else the one called `build`. @throws BuildError SETTINGS_INVALID
 */
export function findBuildScripts(
  project: Pick<NodeProject, 'manifests' | 'target'>,
  settings: Pick<NodeSettings, 'build'>,
  { workspaces, addons }: BuildScope,
): readonly BuildCommands[] {
  return workspaces.flatMap((directory) => {
    const about = addons.get(directory)
    const script = buildScript(project, settings, directory)
    const commands = [
      ...(about === undefined ? [] : installCommands(about)),
      ...(script === undefined ? [] : [`npm run ${script}`]),
    ]
    return commands.length === 0 ? [] : [{ directory, commands }]
  })
}

function buildScript(
  project: Pick<NodeProject, 'manifests' | 'target'>,
  settings: Pick<NodeSettings, 'build'>,
  directory: string,
): string | undefined {
  const { scripts } = project.manifests.get(directory)!
  const chosen = directory === project.target ? settings.build : undefined
  if (chosen === false) return undefined
  if (chosen !== undefined && !scripts.has(chosen)) {
    throw new BuildError(
      'SETTINGS_INVALID',
      `Cannot use "gantry.build": there is no script "${chosen}" in package.json`,
    )
  }
  const name = chosen ?? 'build'
  return scripts.has(name) ? name : undefined
}
