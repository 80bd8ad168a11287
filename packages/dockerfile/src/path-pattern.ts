import { matchesGlob, type GlobToken } from './glob.ts'

/** A wildcard pattern of COPY, as Go's `filepath.Match` reads it: `*`, `?`, `[a-z]`, `[^a]` and `\` escapes, never across `/`. */
export interface PathPattern {
  readonly pattern: string
  /** False when the pattern is a plain path. */
  readonly wildcard: boolean
  matches(path: string): boolean
}

/** Reads a pattern; `undefined` when it is malformed (an unclosed `[`, a trailing `\`). */
export function parsePathPattern(pattern: string): PathPattern | undefined {
  const tokens = readTokens(Array.from(pattern), false)
  if (tokens === undefined) return undefined
  const wildcard = /[*?[\\]/.test(pattern)
  return { pattern, wildcard, matches: (path) => (wildcard ? matchesGlob(tokens, path) : path === pattern) }
}

/**
 * Turns the characters of a pattern into tokens, with `**` in the ignore-file sense when `deep` is set.
 * Returns undefined when the pattern is malformed.
 */
export function readTokens(characters: readonly string[], deep: boolean): GlobToken[] | undefined {
  const tokens: GlobToken[] = []
  let at = 0
  while (at < characters.length) {
    const character = characters[at]!
    at++
    if (character === '*') {
      if (!deep || characters[at] !== '*') {
        tokens.push({ kind: 'star' })
        continue
      }
      at++
      if (characters[at] === '/') at++
      tokens.push({ kind: at >= characters.length ? 'rest' : 'deep' })
    } else if (character === '?') {
      tokens.push({ kind: 'any' })
    } else if (character === '\\') {
      const escaped = characters[at]
      if (escaped === undefined) return undefined
      tokens.push({ kind: 'literal', character: escaped })
      at++
    } else if (character === '[') {
      const read = readClass(characters, at)
      if (read === undefined) return undefined
      tokens.push(read.token)
      at = read.next
    } else {
      tokens.push({ kind: 'literal', character })
    }
  }
  return tokens
}

function readClass(characters: readonly string[], start: number): { token: GlobToken; next: number } | undefined {
  let at = start
  const negated = characters[at] === '^'
  if (negated) at++
  const ranges: (readonly [string, string])[] = []
  const one = (): string | undefined => {
    let character = characters[at]
    if (character === undefined || character === '-' || character === ']') return undefined
    if (character === '\\') {
      at++
      character = characters[at]
    }
    if (character !== undefined) at++
    return character
  }
  while (characters[at] !== ']' || ranges.length === 0) {
    const low = one()
    if (low === undefined) return undefined
    let high: string | undefined = low
    if (characters[at] === '-') {
      at++
      high = one()
      if (high === undefined) return undefined
    }
    ranges.push([low, high])
  }
  return { token: { kind: 'class', negated, ranges }, next: at + 1 }
}
