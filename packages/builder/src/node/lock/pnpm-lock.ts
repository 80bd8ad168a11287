import { posix } from 'node:path'
import { BuildError } from '../../build-error.ts'
import { memberOf, membersOf, textOrNothing, textsOf } from '../json-value.ts'
import { isInnerPath, isPackageName } from '../layout/relative-link.ts'
import { readYaml } from '../read-yaml.ts'
import type { Edge, GraphPackage, GraphWorkspace, LockedPackage, LockGraph } from './lock.ts'

type Fail = (what: string, hint?: string) => never

/** A `pnpm-lock.yaml` of version 6 to 9, with what each workspace asked for when it was written. */
export interface PnpmLock extends LockGraph {
  /** By directory, then by name: the range. */
  readonly specifiers: ReadonlyMap<string, ReadonlyMap<string, string>>
}

/** Reads a `pnpm-lock.yaml`. @throws BuildError LOCKFILE_INVALID */
export function parsePnpmLock(text: string, file: string): PnpmLock {
  const fail: Fail = (what, hint) => {
    throw new BuildError('LOCKFILE_INVALID', `Cannot read "${file}": ${what}`, { hint })
  }
  const value = readYaml(text, file)
  const version = Number.parseInt(textOrNothing(memberOf(value, 'lockfileVersion')) ?? '', 10)
  if (!(version >= 6 && version <= 9)) {
    const found = JSON.stringify(memberOf(value, 'lockfileVersion') ?? null)
    fail(`it has version ${found}, expected 6 to 9`, 'pnpm install --lockfile-only with pnpm 8 or later')
  }
  const reading: Reading = { isOld: version < 9, fail }
  const importers = memberOf(value, 'importers')
  const list = importers === undefined ? [['.', value] as const] : membersOf(importers)
  const workspaces = new Map<string, GraphWorkspace>()
  const specifiers = new Map<string, ReadonlyMap<string, string>>()
  for (const [written, importer] of list) {
    const directory = written === '.' ? '' : written
    if (directory !== '' && !isInnerPath(directory)) fail(`the workspace "${written}" is not in the project`)
    const found = workspaceOf(directory, importer, reading)
    workspaces.set(directory, found.workspace)
    specifiers.set(directory, found.specifiers)
  }
  return { workspaces, specifiers, packages: packagesOf(value, reading) }
}

interface Reading {
  /** Keys start with a slash. */
  readonly isOld: boolean
  readonly fail: Fail
}

function workspaceOf(
  directory: string,
  importer: unknown,
  reading: Reading,
): { readonly workspace: GraphWorkspace; readonly specifiers: ReadonlyMap<string, string> } {
  const specifiers = new Map<string, string>()
  const edges = (group: string, optional: boolean): Edge[] =>
    membersOf(memberOf(importer, group)).map(([name, entry]) => {
      const specifier = textOrNothing(memberOf(entry, 'specifier'))
      if (specifier !== undefined) specifiers.set(name, specifier)
      return edgeOf(name, textOrNothing(memberOf(entry, 'version')) ?? '', { directory, optional, reading })
    })
  const dependencies = [...edges('dependencies', false), ...edges('optionalDependencies', true)]
  return { workspace: { dependencies, devDependencies: edges('devDependencies', false) }, specifiers }
}

function edgeOf(
  name: string,
  reference: string,
  {
    directory,
    optional,
    reading,
  }: { readonly directory: string; readonly optional: boolean; readonly reading: Reading },
): Edge {
  const { fail } = reading
  if (!isPackageName(name)) fail(`"${name}" is not a name of a package`)
  if (reference.startsWith('link:')) {
    const path = reference.slice('link:'.length)
    if (climbs(directory, path)) fail(`"${name}" is a link to "${reference}", which is not in the project`)
    const inner = posix.join('/', directory, path).replace(/^\/|\/$/g, '')
    return { name, to: { kind: 'workspace', directory: inner }, optional }
  }
  return { name, to: { kind: 'package', key: keyOf(name, reference, reading) }, optional }
}

/** Whether a relative path from a directory leads out of the project. */
function climbs(directory: string, path: string): boolean {
  let depth = directory === '' ? 0 : directory.split('/').length
  for (const element of path.split('/')) {
    if (element === '..') depth--
    else if (element !== '' && element !== '.') depth++
    if (depth < 0) return true
  }
  return path.startsWith('/')
}

/** The key of a package that is referred to by its version, or by its whole key where its name is another. */
function keyOf(name: string, reference: string, { isOld, fail }: Reading): string {
  if (/^(?:file|git|https?|portal|workspace)[:+]/.test(reference) || reference.includes('@file:')) {
    fail(
      `"${name}" is "${reference}", which comes from no registry`,
      'publish it, or make it a workspace that is linked (not injected)',
    )
  }
  if (isOld) return reference.startsWith('/') ? reference : `/${name}@${reference}`
  const at = reference.indexOf('@', 1)
  const bracket = reference.indexOf('(')
  const isWhole = reference.startsWith('@') || (at !== -1 && (bracket === -1 || at < bracket))
  return isWhole ? reference : `${name}@${reference}`
}

function packagesOf(value: unknown, reading: Reading): ReadonlyMap<string, GraphPackage> {
  const packages = memberOf(value, 'packages')
  const snapshots = reading.isOld ? packages : memberOf(value, 'snapshots')
  return new Map(
    membersOf(snapshots).map(([key, snapshot]) => {
      const about = memberOf(packages, reading.isOld ? key : withoutPeers(key))
      const edges = (group: string, optional: boolean): Edge[] =>
        membersOf(memberOf(snapshot, group)).map(([name, reference]) =>
          edgeOf(name, textOrNothing(reference) ?? '', { directory: '', optional, reading }),
        )
      const dependencies = [...edges('dependencies', false), ...edges('optionalDependencies', true)]
      return [key, { locked: lockedOf(key, about, reading), dependencies }]
    }),
  )
}

function withoutPeers(key: string): string {
  const bracket = key.indexOf('(')
  return bracket === -1 ? key : key.slice(0, bracket)
}

function lockedOf(key: string, about: unknown, { isOld, fail }: Reading): LockedPackage {
  const plain = withoutPeers(isOld ? key.replace(/^\//, '') : key)
  const at = plain.lastIndexOf('@')
  const name = textOrNothing(memberOf(about, 'name')) ?? plain.slice(0, at)
  const version = textOrNothing(memberOf(about, 'version')) ?? plain.slice(at + 1)
  if (at < 1 || !isPackageName(name)) fail(`"${key}" is not a package of a registry`)
  const resolution = memberOf(about, 'resolution')
  const integrity = textOrNothing(memberOf(resolution, 'integrity'))
  const url = textOrNothing(memberOf(resolution, 'tarball'))
  const list = (member: string): readonly string[] | undefined => {
    const texts = textsOf(memberOf(about, member))
    return texts.length === 0 ? undefined : texts
  }
  const [os, cpu, libc] = [list('os'), list('cpu'), list('libc')]
  const requiresBuild = memberOf(about, 'requiresBuild')
  return {
    name,
    version,
    ...(integrity === undefined ? {} : { integrity }),
    ...(url === undefined ? {} : { url }),
    ...(os === undefined ? {} : { os }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(libc === undefined ? {} : { libc }),
    ...(isOld ? { hasScript: requiresBuild === true } : {}),
  }
}
