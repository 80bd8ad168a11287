import { readFile, stat } from 'node:fs/promises'
import { dirname, join, posix, relative, resolve, sep } from 'node:path'
import { BuildError } from '../build-error.ts'
import { hoistedLayout } from './layout/hoisted-layout.ts'
import { isolatedLayout } from './layout/isolated-layout.ts'
import type { Layout, LayoutRequest } from './layout/layout.ts'
import { npmLayout } from './layout/npm-layout.ts'
import { type NpmLock, parseNpmLock } from './lock/npm-lock.ts'
import { parsePnpmLock, type PnpmLock } from './lock/pnpm-lock.ts'
import { parseYarnBerryLock } from './lock/yarn-berry-lock.ts'
import { parseYarnClassicLock } from './lock/yarn-classic-lock.ts'
import { yarnBerryGraph, yarnClassicGraph } from './lock/yarn-graph.ts'
import { parseManifest, type ProjectManifest } from './project-manifest.ts'
import { listWorkspaces } from './list-workspaces.ts'

/** The package manager that a lockfile belongs to. */
export type PackageManager = 'npm' | 'pnpm' | 'yarn'

/** A Node project on disk with its lockfile read. */
export interface NodeProject {
  /** The directory with the lockfile. */
  readonly root: string
  /** The directory of the package that is built, relative to the root. */
  readonly target: string
  readonly manager: PackageManager
  /** Of each package of the project, by directory. */
  readonly manifests: ReadonlyMap<string, ProjectManifest>
  /** Where everything goes. @throws BuildError LOCKFILE_STALE, PLATFORM_UNSUPPORTED */
  layout(request: LayoutRequest): Layout
}

/** What is to be found. */
export interface ProjectPlace {
  readonly directory: string
  /** The package to build, by its name or its directory. Default: the directory's own. */
  readonly target?: string | undefined
}

const lockNames: readonly (readonly [string, PackageManager])[] = [
  ['npm-shrinkwrap.json', 'npm'],
  ['package-lock.json', 'npm'],
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
]
const largest = 64 << 20

/**
 * Reads a project: the lockfile in the directory, or above it when the directory is one of a workspace's packages.
 * @throws BuildError PROJECT_INVALID, LOCKFILE_INVALID, LOCKFILE_STALE
 */
export async function readProject({ directory, target }: ProjectPlace): Promise<NodeProject> {
  const start = resolve(directory)
  if ((await readText(join(start, 'package.json'))) === undefined) {
    throw new BuildError('PROJECT_INVALID', `Cannot build "${directory}" as a Node project: it has no package.json`)
  }
  const { root, file, manager } = await findLock(start)
  const text = (await readText(join(root, file)))!
  const path = relative(root, start).split(sep).join('/')
  const rootManifest = await manifestOf(root, '')
  const load = async (directories: Iterable<string>): Promise<ReadonlyMap<string, ProjectManifest>> => {
    const manifests = new Map([['', rootManifest]])
    for (const each of directories) if (each !== '') manifests.set(each, await manifestOf(root, each))
    return manifests
  }
  const finish = (manifests: ReadonlyMap<string, ProjectManifest>, layout: NodeProject['layout']): NodeProject => ({
    root,
    manager,
    manifests,
    layout,
    target: targetOf(manifests, { path, target }),
  })
  if (manager === 'npm') {
    const lock = parseNpmLock(text, file)
    const manifests = await load([...lock.keys()].filter((key) => !/(?:^|\/)node_modules\//.test(key)))
    checkNpm(lock, manifests, file)
    return finish(manifests, (request) => npmLayout(lock, request))
  }
  if (manager === 'pnpm') {
    const lock = parsePnpmLock(text, file)
    const manifests = await load(lock.workspaces.keys())
    checkPnpm(lock, manifests, file)
    return finish(manifests, (request) => isolatedLayout(lock, request))
  }
  const isClassic = !/^__metadata:/m.test(text)
  const manifests = await load(await listWorkspaces(root, rootManifest.workspaces))
  const graph = isClassic
    ? yarnClassicGraph(parseYarnClassicLock(text, file), { file, manifests })
    : yarnBerryGraph(parseYarnBerryLock(text, file), { file, manifests })
  return finish(manifests, (request) => hoistedLayout(graph, request))
}

async function findLock(start: string): Promise<{ root: string; file: string; manager: PackageManager }> {
  for (let at = start; ; at = dirname(at)) {
    for (const [file, manager] of lockNames) {
      if (await exists(join(at, file))) return { root: at, file, manager }
    }
    // A lockfile above a repository belongs to something else.
    if (at === dirname(at) || (await exists(join(at, '.git')))) break
  }
  throw new BuildError('PROJECT_INVALID', `Cannot build "${start}" as a Node project: it has no lockfile`, {
    hint: 'make one with "npm install --package-lock-only" (or pnpm, yarn) and commit it',
  })
}

async function manifestOf(root: string, directory: string): Promise<ProjectManifest> {
  const file = directory === '' ? 'package.json' : `${directory}/package.json`
  const text = await readText(join(root, file))
  if (text !== undefined) return parseManifest(text, file)
  throw new BuildError(
    'LOCKFILE_STALE',
    `Cannot use the lockfile: it has the workspace "${directory}", which has no package.json`,
  )
}

function targetOf(
  manifests: ReadonlyMap<string, ProjectManifest>,
  { path, target }: { readonly path: string; readonly target: string | undefined },
): string {
  if (target === undefined) {
    if (manifests.has(path)) return path
    throw new BuildError('PROJECT_INVALID', `Cannot build "${path}": the lockfile does not have it as a workspace`)
  }
  const wanted = posix.normalize(target).replace(/^\.\/?|\/$/g, '')
  for (const [directory, { name }] of manifests) if (name === target || directory === wanted) return directory
  const known = [...manifests].map(([directory, { name }]) => name || directory).filter((name) => name !== '')
  throw new BuildError('PROJECT_INVALID', `Cannot build "${target}": the project has no such package`, {
    hint: `it has ${known.join(', ')}`,
  })
}

function checkNpm(lock: NpmLock, manifests: ReadonlyMap<string, ProjectManifest>, file: string): void {
  for (const [directory, manifest] of manifests) {
    const place = lock.get(directory)
    const wanted = new Map([...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies])
    const locked = new Map([
      ...(place?.dependencies ?? []),
      ...(place?.devDependencies ?? []),
      ...(place?.optionalDependencies ?? []),
    ])
    compare(wanted, locked, { directory, file, manager: 'npm' })
  }
}

function checkPnpm(lock: PnpmLock, manifests: ReadonlyMap<string, ProjectManifest>, file: string): void {
  for (const [directory, manifest] of manifests) {
    const wanted = new Map([...manifest.devDependencies, ...manifest.dependencies, ...manifest.optionalDependencies])
    // Catalogs and overrides change what is written down, so only names are compared where they are in use.
    const locked = new Map(
      [...(lock.specifiers.get(directory) ?? [])].map(([name, range]) => {
        const own = wanted.get(name)
        return [
          name,
          own?.startsWith('catalog:') === true ||
          (!range.startsWith('workspace:') && own?.startsWith('workspace:') === true)
            ? own
            : range,
        ]
      }),
    )
    compare(wanted, locked, { directory, file, manager: 'pnpm' })
  }
}

function compare(
  wanted: ReadonlyMap<string, string>,
  locked: ReadonlyMap<string, string>,
  { directory, file, manager }: { readonly directory: string; readonly file: string; readonly manager: PackageManager },
): void {
  for (const name of new Set([...wanted.keys(), ...locked.keys()])) {
    if (wanted.get(name) === locked.get(name)) continue
    const own = `"${directory === '' ? '' : `${directory}/`}package.json"`
    const message = `Cannot use "${file}": ${own} asks for "${name}" ${said(wanted.get(name))}, the lockfile has ${said(locked.get(name))}`
    throw new BuildError('LOCKFILE_STALE', message, { hint: `run "${manager} install" and commit the lockfile` })
  }
}

function said(range: string | undefined): string {
  return range === undefined ? 'nothing' : `"${range}"`
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}

async function readText(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path)
    if (size > largest) throw new BuildError('PROJECT_INVALID', `Cannot read "${path}": it is larger than 64 MiB`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof BuildError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new BuildError('PROJECT_INVALID', `Cannot read "${path}": ${message}`, { cause: error })
  }
}
