import { quote } from '@gantry/oci'
import { SyncError } from './sync-error.ts'

/** A version out of a tag: `1.25`, `v1.25.3`, `1.25.3-rc.1`. */
export interface Version {
  /** Major, minor, patch; 0 where the tag does not say. */
  readonly numbers: readonly [number, number, number]
  /** Empty for a release. */
  readonly prerelease: readonly string[]
}

/** Versions that are wanted. */
export interface VersionRange {
  readonly source: string
  /** Whether the tag is a version in the range; pre-releases only when the range names one of the same numbers. */
  includes(tag: string): boolean
}

interface Comparator {
  readonly operator: '<' | '<=' | '>' | '>=' | '='
  readonly version: Version
}

const versionPattern =
  /^v?(\d{1,9})(?:\.(\d{1,9})(?:\.(\d{1,9}))?)?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/

/** Reads a tag as a version; undefined when it is none. */
export function parseVersion(tag: string): Version | undefined {
  const [, major, minor = '0', patch = '0', prerelease] = versionPattern.exec(tag) ?? []
  if (major === undefined) return undefined
  return { numbers: [Number(major), Number(minor), Number(patch)], prerelease: prerelease?.split('.') ?? [] }
}

/** Orders versions as Semantic Versioning 2.0.0 does: negative when `a` comes first. */
export function compareVersions(a: Version, b: Version): number {
  for (const at of [0, 1, 2] as const) {
    if (a.numbers[at] !== b.numbers[at]) return a.numbers[at] - b.numbers[at]
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return b.prerelease.length - a.prerelease.length
  for (let at = 0; at < Math.max(a.prerelease.length, b.prerelease.length); at++) {
    const order = compareParts(a.prerelease[at], b.prerelease[at])
    if (order !== 0) return order
  }
  return 0
}

/**
 * Reads a range as npm writes them: `>=1.2 <2`, `^1.4`, `~1.2.3`, `1.x`, `1.2 - 1.4`, alternatives with `||`.
 *
 * @throws {SyncError} RANGE_INVALID
 * @see https://github.com/npm/node-semver/blob/v7.6.0/README.md#ranges
 */
export function parseVersionRange(text: string): VersionRange {
  if (text.length > 256) return fail(text, 'it is longer than 256 characters')
  const alternatives = text.split('||').map((part) => parseAlternative(text, part.trim()))
  return {
    source: text,
    includes(tag) {
      const version = parseVersion(tag)
      return version !== undefined && alternatives.some((comparators) => suits(version, comparators))
    },
  }
}

function suits(version: Version, comparators: readonly Comparator[]): boolean {
  if (!comparators.every((comparator) => holds(version, comparator))) return false
  if (version.prerelease.length === 0) return true
  return comparators.some(({ version: { numbers, prerelease } }) => {
    return prerelease.length > 0 && numbers.every((number, at) => number === version.numbers[at])
  })
}

function holds(version: Version, { operator, version: bound }: Comparator): boolean {
  const order = compareVersions(version, bound)
  if (operator === '=') return order === 0
  return operator.startsWith('<')
    ? order < 0 || (order === 0 && operator === '<=')
    : order > 0 || (order === 0 && operator === '>=')
}

function parseAlternative(text: string, part: string): readonly Comparator[] {
  const [, low, high] = /^(\S+)\s+-\s+(\S+)$/.exec(part) ?? []
  if (low !== undefined && high !== undefined) {
    return [...parseOne(text, '>=', low), ...parseOne(text, '<=', high)]
  }
  const words = part.replace(/(<=?|>=?|=|~|\^)\s+/g, '$1').split(/\s+/)
  return words.flatMap((word) => {
    if (word === '' || word === '*' || word === 'x') return []
    const [, operator = '', rest = ''] = /^(<=|>=|<|>|=|~|\^)?(.*)$/.exec(word) ?? []
    return parseOne(text, operator, rest)
  })
}

function parseOne(text: string, operator: string, word: string): readonly Comparator[] {
  const [, given, prerelease] = /^v?([\dxX*.]+)(?:-([0-9A-Za-z.-]+))?$/.exec(word) ?? []
  const parts = given?.split('.').slice(0, 3) ?? []
  const isWild = (part: string | undefined): boolean => part === undefined || /^[xX*]$/.test(part)
  const first = parts.findIndex((part) => isWild(part))
  const known = parts.slice(0, first < 0 ? parts.length : first)
  if (given === undefined || given.split('.').length > 3 || !known.every((part) => /^\d{1,9}$/.test(part))) {
    return fail(text, `${quote(word)} is no version`)
  }
  if (known.length === 0) return []
  const [major = 0, minor = 0, patch = 0] = known.map(Number)
  const low: Version = { numbers: [major, minor, patch], prerelease: prerelease?.split('.') ?? [] }
  const after = (at: number): Version => ({ numbers: bump(low.numbers, at), prerelease: [] })
  const between = (at: number): readonly Comparator[] => [
    { operator: '>=', version: low },
    { operator: '<', version: after(at) },
  ]
  const width = known.length - 1
  switch (operator) {
    case '^': {
      const significant = [major, minor, patch].findIndex((number) => number > 0)
      return between(significant < 0 ? width : Math.min(significant, width))
    }
    case '~':
      return between(Math.min(width, 1))
    case '<=':
      return width < 2 ? [{ operator: '<', version: after(width) }] : [{ operator, version: low }]
    case '>':
      return width < 2 ? [{ operator: '>=', version: after(width) }] : [{ operator, version: low }]
    case '<':
    case '>=':
      return [{ operator, version: low }]
    default:
      return width < 2 ? between(width) : [{ operator: '=', version: low }]
  }
}

function bump(numbers: Version['numbers'], at: number): Version['numbers'] {
  const [major, minor, patch] = numbers
  return at === 0 ? [major + 1, 0, 0] : at === 1 ? [major, minor + 1, 0] : [major, minor, patch + 1]
}

function compareParts(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1
  const [isNumber, isOtherNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (isNumber && isOtherNumber) return Number(a) - Number(b)
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1
  return a === b ? 0 : a < b ? -1 : 1
}

function fail(text: string, problem: string): never {
  throw new SyncError('RANGE_INVALID', `Cannot read the version range ${quote(text)}: ${problem}`)
}
