import { BuildError } from '../../build-error.ts'
import type { ProjectManifest } from '../project-manifest.ts'
import type { Edge, GraphPackage, GraphWorkspace, LockGraph } from './lock.ts'
import type { BerryEntry, BerryLock } from './yarn-berry-lock.ts'
import type { YarnClassicLock, YarnEntry } from './yarn-classic-lock.ts'

/** What a project's manifests and its `yarn.lock` are joined from. */
export interface YarnProject {
  readonly file: string
  /** By directory. */
  readonly manifests: ReadonlyMap<string, ProjectManifest>
}

/** Finds the entry that something is asked for by. */
type FindEntry<Entry> = (name: string, range: string) => Entry | undefined

/** Joins a lockfile of Yarn 1 with the manifests. @throws BuildError LOCKFILE_STALE */
export function yarnClassicGraph(lock: YarnClassicLock, project: YarnProject): LockGraph {
  const find: FindEntry<YarnEntry> = (name, range) => lock.get(`${name}@${range}`)
  const names = new Map<YarnEntry, string>()
  for (const [key, entry] of lock) names.set(entry, nameOf(key))
  return graphOf(project, find, {
    keyOf: (entry) => `${names.get(entry)!}@${entry.version}`,
    workspaceOf: () => undefined,
    dependencies: (entry) => [
      ...[...entry.dependencies].map((each) => ({ each, optional: entry.optionalDependencies.has(each[0]) })),
      ...[...entry.optionalDependencies].map((each) => ({ each, optional: true })),
    ],
    locked: (entry) => ({
      name: names.get(entry)!,
      version: entry.version,
      ...(entry.integrity === undefined ? {} : { integrity: entry.integrity }),
      ...(entry.resolved === undefined ? {} : { url: entry.resolved }),
    }),
  })
}

/** Joins a lockfile of Yarn 2 or later with the manifests. @throws BuildError LOCKFILE_STALE */
export function yarnBerryGraph(lock: BerryLock, project: YarnProject): LockGraph {
  const find: FindEntry<BerryEntry> = (name, range) =>
    lock.get(`${name}@${range}`) ?? lock.get(`${name}@npm:${range}`) ?? patched(lock, name, range)
  return graphOf(project, find, {
    keyOf: (entry) => `${entry.name}@${entry.version}`,
    workspaceOf: (entry) => entry.workspace,
    dependencies: (entry) => [...entry.dependencies].map((each) => ({ each, optional: entry.optional.has(each[0]) })),
    locked: ({ name, version, os, cpu, libc }) => ({
      name,
      version,
      ...(os === undefined ? {} : { os }),
      ...(cpu === undefined ? {} : { cpu }),
      ...(libc === undefined ? {} : { libc }),
    }),
  })
}

function patched(lock: BerryLock, name: string, range: string): BerryEntry | undefined {
  const prefix = `${name}@patch:${name}@npm%3A${range.replace(/^npm:/, '')}#`
  for (const [key, entry] of lock) if (key.startsWith(prefix)) return entry
  return undefined
}

/** How entries of a kind are read. */
interface EntryReader<Entry> {
  readonly keyOf: (entry: Entry) => string
  readonly workspaceOf: (entry: Entry) => string | undefined
  readonly dependencies: (
    entry: Entry,
  ) => readonly { readonly each: readonly [string, string]; readonly optional: boolean }[]
  readonly locked: (entry: Entry) => GraphPackage['locked']
}

function graphOf<Entry>(project: YarnProject, find: FindEntry<Entry>, reader: EntryReader<Entry>): LockGraph {
  const { manifests, file } = project
  const byName = new Map([...manifests].map(([directory, { name }]) => [name, directory]))
  const packages = new Map<string, GraphPackage>()
  const waiting: Entry[] = []
  const edgeOf = (name: string, range: string, optional: boolean, asker: string): Edge[] => {
    const entry = find(name, range)
    const directory = entry === undefined ? byName.get(name) : reader.workspaceOf(entry)
    if (directory !== undefined) return [{ name, to: { kind: 'workspace', directory }, optional }]
    if (entry === undefined) {
      if (optional) return []
      throw new BuildError(
        'LOCKFILE_STALE',
        `Cannot use "${file}": it does not have "${name}@${range}", which ${asker} asks for`,
        {
          hint: 'run "yarn install" and commit the lockfile',
        },
      )
    }
    const key = reader.keyOf(entry)
    if (!packages.has(key)) {
      packages.set(key, { locked: reader.locked(entry), dependencies: [] })
      waiting.push(entry)
    }
    return [{ name, to: { kind: 'package', key }, optional }]
  }
  const workspaces = new Map<string, GraphWorkspace>()
  for (const [directory, manifest] of manifests) {
    const asker = `"${directory === '' ? '.' : directory}/package.json"`
    const edges = (ranges: ReadonlyMap<string, string>, optional: boolean): Edge[] =>
      [...ranges].flatMap(([name, range]) => edgeOf(name, range, optional, asker))
    const { optionalDependencies } = manifest
    const required = new Map([...manifest.dependencies].filter(([name]) => !optionalDependencies.has(name)))
    workspaces.set(directory, {
      dependencies: [...edges(required, false), ...edges(optionalDependencies, true)],
      devDependencies: edges(manifest.devDependencies, false),
    })
  }
  for (let entry = waiting.pop(); entry !== undefined; entry = waiting.pop()) {
    const key = reader.keyOf(entry)
    const dependencies = reader
      .dependencies(entry)
      .flatMap(({ each: [name, range], optional }) => edgeOf(name, range, optional, `"${key}"`))
    packages.set(key, { ...packages.get(key)!, dependencies })
  }
  return { packages, workspaces }
}

/** The name of the package in `name@range`, or in `alias@npm:name@range`. */
function nameOf(key: string): string {
  const at = key.indexOf('@', 1)
  const range = key.slice(at + 1)
  if (!range.startsWith('npm:')) return key.slice(0, at)
  const real = range.slice('npm:'.length)
  const end = real.indexOf('@', 1)
  return end === -1 ? real : real.slice(0, end)
}
