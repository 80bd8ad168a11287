import { BuildError } from '../../build-error.ts'
import { memberOf, membersOf, textOrNothing, textsByName, textsOf } from '../json-value.ts'
import { isInnerPath, isPackageName } from '../layout/relative-link.ts'
import type { LockedPackage } from './lock.ts'

/** One place of a `package-lock.json`: a package, a workspace, or a link to one. */
export interface NpmPlace {
  /** Missing for workspaces and links. */
  readonly locked?: LockedPackage
  /** The directory of the workspace that a link goes to. */
  readonly link?: string
  /** It comes inside another package. */
  readonly bundled: boolean
  readonly dependencies: ReadonlyMap<string, string>
  readonly devDependencies: ReadonlyMap<string, string>
  readonly optionalDependencies: ReadonlyMap<string, string>
  /** Peers that must be there. */
  readonly peers: readonly string[]
  /** Peers that may be missing. */
  readonly optionalPeers: readonly string[]
}

/** A `package-lock.json` or `npm-shrinkwrap.json`: what lies where, by path; workspaces by their directory, the root under `''`. */
export type NpmLock = ReadonlyMap<string, NpmPlace>

const largest = 64 << 20

/** Reads a lockfile of version 2 or 3. @throws BuildError LOCKFILE_INVALID */
export function parseNpmLock(text: string, file: string): NpmLock {
  const fail = (what: string, hint?: string): never => {
    throw new BuildError('LOCKFILE_INVALID', `Cannot read "${file}": ${what}`, { hint })
  }
  if (text.length > largest) fail('it is larger than 64 MiB')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error))
  }
  const version = memberOf(value, 'lockfileVersion')
  const packages = memberOf(value, 'packages')
  if ((version !== 2 && version !== 3) || packages === undefined) {
    fail(`it has version ${JSON.stringify(version ?? 1)}, expected 2 or 3`, 'npm install --package-lock-only')
  }
  const places = new Map<string, NpmPlace>()
  for (const [path, entry] of membersOf(packages)) {
    if (path !== '' && !isInnerPath(path)) fail(`"${path}" leads out of the project`)
    places.set(path, placeOf(path, entry, fail))
  }
  return places
}

function placeOf(path: string, entry: unknown, fail: (what: string, hint?: string) => never): NpmPlace {
  const isPackage = /(?:^|\/)node_modules\//.test(path)
  const resolved = textOrNothing(memberOf(entry, 'resolved'))
  const link = memberOf(entry, 'link') === true ? (resolved ?? '') : undefined
  if (link !== undefined && link !== '' && !isInnerPath(link)) {
    fail(`"${path}" is a link to "${link}", which is not in the project`)
  }
  const meta = memberOf(entry, 'peerDependenciesMeta')
  const peers = [...textsByName(memberOf(entry, 'peerDependencies')).keys()]
  const isOptional = (name: string): boolean => memberOf(memberOf(meta, name), 'optional') === true
  const bundled = memberOf(entry, 'inBundle') === true
  return {
    ...(isPackage && link === undefined && !bundled ? { locked: lockedOf(path, entry, fail) } : {}),
    ...(link === undefined ? {} : { link }),
    bundled,
    dependencies: textsByName(memberOf(entry, 'dependencies')),
    devDependencies: textsByName(memberOf(entry, 'devDependencies')),
    optionalDependencies: textsByName(memberOf(entry, 'optionalDependencies')),
    peers: peers.filter((name) => !isOptional(name)),
    optionalPeers: peers.filter(isOptional),
  }
}

function lockedOf(path: string, entry: unknown, fail: (what: string, hint?: string) => never): LockedPackage {
  const member = (name: string): string | undefined => textOrNothing(memberOf(entry, name))
  const name = member('name') ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  if (!isPackageName(name)) fail(`"${name}" is not a name of a package`)
  const integrity = member('integrity')
  const url = member('resolved')
  const list = (key: string): readonly string[] | undefined => {
    const texts = textsOf(memberOf(entry, key))
    return texts.length === 0 ? undefined : texts
  }
  const [os, cpu, libc] = [list('os'), list('cpu'), list('libc')]
  return {
    name,
    version: member('version') ?? '',
    ...(integrity === undefined ? {} : { integrity }),
    ...(url === undefined ? {} : { url }),
    ...(os === undefined ? {} : { os }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(libc === undefined ? {} : { libc }),
    hasScript: memberOf(entry, 'hasInstallScript') === true,
  }
}
