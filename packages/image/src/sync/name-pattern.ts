import { quote } from '@gantry/oci'
import { compileLinear, type LinearMatcher } from './linear-pattern.ts'
import { SyncError } from './sync-error.ts'

/** Chooses names: tags or repositories. */
export interface NamePattern {
  /** As it was written. */
  readonly source: string
  /** Takes time in proportion to the name's length, whatever the pattern. */
  matches(name: string): boolean
}

const longestPattern = 256

/**
 * Reads a pattern: a glob (`*` any characters but `/`, `**` those too, `?` one character, `[a-z]`, `{a,b}`), or between
 * slashes a regular expression for the whole name, `/v\d+\.\d+/`, as `compileLinear` reads it.
 *
 * @throws {SyncError} PATTERN_INVALID
 */
export function parseNamePattern(text: string): NamePattern {
  if (text.length > longestPattern) return fail(text, `it is longer than ${longestPattern} characters`)
  const isExpression = text.length > 1 && text.startsWith('/') && text.endsWith('/')
  return { source: text, matches: compile(text, isExpression ? text.slice(1, -1) : globExpression(text)) }
}

/** Whether one of the patterns matches, and none of those to be left out; no pattern at all matches everything. */
export function selectsName(
  name: string,
  {
    include = [],
    exclude = [],
  }: { readonly include?: readonly NamePattern[]; readonly exclude?: readonly NamePattern[] },
): boolean {
  if (exclude.some((pattern) => pattern.matches(name))) return false
  return include.length === 0 || include.some((pattern) => pattern.matches(name))
}

function compile(text: string, expression: string): LinearMatcher {
  try {
    return compileLinear(expression)
  } catch (error) {
    if (error instanceof RangeError) return fail(text, error.message)
    throw error
  }
}

/** The pieces of a glob, longest first. */
const pieces = /\*\*+|\*|\?|\[[!^]?[^\]]+\]|\{|\}|,|[^]/gu

function globExpression(text: string): string {
  let isBraced = false
  return text.replace(pieces, (piece) => {
    if (piece === '*') return '[^/]*'
    if (piece.startsWith('**')) return '.*'
    if (piece === '?') return '[^/]'
    if (piece.length > 1) return `[${piece.slice(1).replace(/^!/, '^').replaceAll('\\', '\\\\')}`
    if (piece === '{' && !isBraced) {
      isBraced = true
      return '(?:'
    }
    if (piece === '}' && isBraced) {
      isBraced = false
      return ')'
    }
    if (piece === ',' && isBraced) return '|'
    return /[\w/:@-]/.test(piece) ? piece : `\\${piece}`
  })
}

function fail(text: string, problem: string): never {
  throw new SyncError('PATTERN_INVALID', `Cannot read the pattern ${quote(text)}: ${problem}`)
}
