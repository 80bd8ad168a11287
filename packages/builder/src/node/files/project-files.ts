import type { Platform } from '@gantry/oci'
import { BuildError } from '../../build-error.ts'
import type { Tree } from '../../files/node.ts'
import type { NodeProject } from '../node-project.ts'
import type { NodeSettings } from '../settings.ts'
import { addonArchitecture, isBuiltAddon } from './addon-platform.ts'
import { isByproduct } from './byproducts.ts'
import { type OwnFile, ownFiles } from './own-files.ts'

/** Of what project files are meant. */
export interface ProjectFilesOptions {
  readonly project: NodeProject
  readonly settings: NodeSettings
  /** Packages of the project, by directory. */
  readonly workspaces: readonly string[]
}

/** The files with which packages of a project are built: all of theirs, and those of the project's root. @throws BuildError PROJECT_INVALID */
export async function filesToBuild(tree: Tree, options: ProjectFilesOptions): Promise<readonly OwnFile[]> {
  const directories = ['', ...options.workspaces.filter((directory) => directory !== '')]
  const found = []
  for (const directory of directories) {
    const others = othersThan(directory, options.project)
    found.push(...(await ownFiles(tree, { directory, others, scope: 'all' })))
  }
  return found
}

/**
 * The files of packages of a project that an image for a platform gets.
 * @throws BuildError PROJECT_INVALID, also for a native module that was made for another platform
 */
export async function filesToShip(
  tree: Tree,
  options: ProjectFilesOptions & { readonly platform: Platform },
): Promise<readonly OwnFile[]> {
  const { project, settings, workspaces, platform } = options
  const found: OwnFile[] = []
  for (const directory of workspaces) {
    const manifest = project.manifests.get(directory)!
    const files = directory === project.target ? (settings.files ?? manifest.files) : manifest.files
    const always = [manifest.main, ...manifest.bin.values()].flatMap((path) => path?.replace(/^(?:\.\/)+/, '') ?? [])
    const others = othersThan(directory, project)
    const own = await ownFiles(tree, { directory, others, scope: 'shipped', files, always })
    found.push(...own.filter(({ path }) => !isByproduct(path)))
  }
  for (const { path, node } of found) {
    if (node.type === 'file' && isBuiltAddon(path))
      checkAddon(path, await addonArchitecture(tree, path, node), platform)
  }
  return found
}

function othersThan(directory: string, { manifests }: NodeProject): ReadonlySet<string> {
  return new Set([...manifests.keys()].filter((each) => each !== directory && each !== ''))
}

function checkAddon(path: string, found: string, { architecture }: Platform): void {
  if (found === architecture) return
  throw new BuildError(
    'PROJECT_INVALID',
    `Cannot put "${path}" into an image for ${architecture}: it is a module for ${found}`,
    { hint: 'let it be made in the build, by a binding.gyp or the script "build", or name it in .dockerignore' },
  )
}
