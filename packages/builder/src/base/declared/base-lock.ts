import { createHash } from 'node:crypto'
import { isRecord } from '../../node/json-value.ts'
import { BaseError } from '../base-error.ts'
import type { Distribution } from '../distribution.ts'
import { parseJson, type DeclaredBase } from './base-file.ts'

/** A package that an image is made of; its bytes are known before they are fetched. */
export interface LockedPackage {
  readonly name: string
  readonly version: string
  /** Debian's name, or `all`. */
  readonly architecture: string
  /** Below the address of a repository. */
  readonly filename: string
  /** The suite of the repository that it was found in; others are tried after it. */
  readonly suite: string
  readonly size: number
  readonly sha256: string
}

/** A package of npm that holds Node's program for one architecture. */
export interface LockedNode {
  readonly package: string
  readonly version: string
  /** `sha512-…`, as npm has it. */
  readonly integrity: string
}

/** What an image is made of for one architecture. */
export interface LockedArchitecture {
  /** Sorted by name. */
  readonly packages: readonly LockedPackage[]
  readonly node?: LockedNode
}

/** `gantry-base.lock.json`: packages, versions and digests for every architecture. It names no host. */
export interface BaseLock {
  readonly distribution: Distribution
  /** Stands for the parts of the declaration that packages were chosen by. */
  readonly declaration: string
  /** By OCI's name of the architecture, sorted. */
  readonly architectures: Readonly<Record<string, LockedArchitecture>>
}

/** The path of the lock that belongs to a declaration. */
export function lockPath(declaration: string): string {
  return declaration.replace(/(\.json)?$/, '.lock.json')
}

/** A digest of what packages are chosen by; files, users and settings of the image do not count. */
export function declarationKey(declared: DeclaredBase): string {
  const { suite, sources, architectures, packages, without, include } = declared
  const chosen = [suite ?? null, sources ?? null, architectures, packages, without, include]
  return `sha256:${createHash('sha256').update(JSON.stringify(chosen)).digest('hex')}`
}

/** Prints a lock: a package a line, the same text for the same lock. */
export function formatLock({ distribution, declaration, architectures }: BaseLock): string {
  const parts = Object.keys(architectures)
    .toSorted()
    .map((name) => {
      const { packages = [], node } = architectures[name] ?? {}
      const lines = packages.map(
        ({ name, version, architecture, filename, suite, size, sha256 }) =>
          `        ${JSON.stringify({ name, version, architecture, filename, suite, size, sha256 })}`,
      )
      const program = node === undefined ? '' : `      "node": ${JSON.stringify(node)},\n`
      return `    ${JSON.stringify(name)}: {\n${program}      "packages": [\n${lines.join(',\n')}\n      ]\n    }`
    })
  const { id, codename } = distribution
  return `{
  "version": 1,
  "distribution": ${JSON.stringify({ id, codename })},
  "declaration": ${JSON.stringify(declaration)},
  "architectures": {
${parts.join(',\n')}
  }
}
`
}

/**
 * Reads a lock.
 *
 * @throws BaseError LOCK_INVALID, or DECLARATION_INVALID when it is no JSON
 */
export function parseLock(text: string, path: string): BaseLock {
  const value = parseJson(text, path)
  const refuse = (place: string): BaseError =>
    new BaseError('LOCK_INVALID', `Cannot use "${path}": its "${place}" is not what "gantry base lock" writes`, {
      hint: 'make it again with "gantry base lock"',
    })
  if (!isRecord(value) || value['version'] !== 1) throw refuse('version')
  const { distribution, declaration, architectures } = value
  if (!isRecord(distribution)) throw refuse('distribution')
  const { id, codename } = distribution
  if ((id !== 'debian' && id !== 'ubuntu') || typeof codename !== 'string') throw refuse('distribution')
  if (typeof declaration !== 'string') throw refuse('declaration')
  if (!isRecord(architectures)) throw refuse('architectures')
  const read = Object.entries(architectures).map(([name, part]): [string, LockedArchitecture] => {
    if (!isRecord(part) || !Array.isArray(part['packages'])) throw refuse(`architectures.${name}`)
    const node = part['node']
    if (node !== undefined && !isLockedNode(node)) throw refuse(`architectures.${name}.node`)
    const packages = part['packages'].map((each: unknown, index): LockedPackage => {
      if (!isLockedPackage(each)) throw refuse(`architectures.${name}.packages[${String(index)}]`)
      return each
    })
    return [name, { packages, ...(node === undefined ? {} : { node }) }]
  })
  return { distribution: { id, codename }, declaration, architectures: Object.fromEntries(read) }
}

function isLockedPackage(value: unknown): value is LockedPackage {
  if (!isRecord(value)) return false
  const { name, version, architecture, filename, suite, size, sha256 } = value
  return (
    matches(name, /^[a-z0-9][a-z0-9+.-]*$/) &&
    matches(version, /^[A-Za-z0-9.+:~-]+$/) &&
    matches(architecture, /^[a-z0-9-]+$/) &&
    matches(filename, /^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[!-~]+$/) &&
    matches(suite, /^[\w./-]+$/) &&
    Number.isSafeInteger(size) &&
    Number(size) > 0 &&
    matches(sha256, /^[0-9a-f]{64}$/)
  )
}

function isLockedNode(value: unknown): value is LockedNode {
  if (!isRecord(value)) return false
  return (
    matches(value['package'], /^node-linux-[a-z0-9]+$/) &&
    matches(value['version'], /^\d+\.\d+\.\d+$/) &&
    matches(value['integrity'], /^sha512-[A-Za-z0-9+/]{86}==$/)
  )
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value)
}
