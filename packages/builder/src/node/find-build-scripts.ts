import { BuildError } from '../build-error.ts'
import type { NodeProject } from './node-project.ts'
import type { NodeSettings } from './settings.ts'

/** A script that makes files of a workspace. */
export interface BuildScript {
  /** The workspace, relative to the project. */
  readonly directory: string
  readonly name: string
}

/** The build scripts of workspaces, in their order: the one that is set for the target, else those called `build`. @throws BuildError SETTINGS_INVALID */
export function findBuildScripts(
  project: NodeProject,
  settings: NodeSettings,
  workspaces: readonly string[],
): readonly BuildScript[] {
  return workspaces.flatMap((directory) => {
    const { scripts } = project.manifests.get(directory)!
    const chosen = directory === project.target ? settings.build : undefined
    if (chosen === false) return []
    if (chosen !== undefined && !scripts.has(chosen)) {
      throw new BuildError(
        'SETTINGS_INVALID',
        `Cannot use "gantry.build": there is no script "${chosen}" in package.json`,
      )
    }
    const name = chosen ?? 'build'
    return scripts.has(name) ? [{ directory, name }] : []
  })
}
