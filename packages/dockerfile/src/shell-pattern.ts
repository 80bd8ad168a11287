import { matchPrefixes, type GlobToken } from './glob.ts'

/** Work one expansion may do: pattern length times value length, summed. More than any real Dockerfile needs. */
export const patternBudget = 20_000_000

/** Reads a pattern of `${v#p}` and its kin: `*`, `?` and escapes, no brackets. Undefined when an escape is not one. */
export function readShellPattern(pattern: string): GlobToken[] | undefined {
  const characters = Array.from(pattern)
  const tokens: GlobToken[] = []
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!
    if (character === '*') tokens.push({ kind: 'rest' })
    else if (character === '?') tokens.push({ kind: 'dot' })
    else if (character === '\\') {
      const escaped = characters[at + 1]
      // `\}` and `\/` only hide the character from `${}` itself.
      if (escaped === '}' || escaped === '/') continue
      if (escaped !== '*' && escaped !== '?' && escaped !== '\\') return undefined
      tokens.push({ kind: 'literal', character: escaped })
      at++
    } else tokens.push({ kind: 'literal', character })
  }
  return tokens
}

/** Removes what the pattern matches at the start of `value`: the longest match, or the shortest. */
export function trimPrefix(tokens: readonly GlobToken[], value: string, longest: boolean): string {
  const characters = Array.from(value)
  return characters.slice(prefixLength(tokens, characters, 0, longest) ?? 0).join('')
}

/** Removes what the pattern matches at the end of `value`: the longest match, or the shortest. */
export function trimSuffix(tokens: readonly GlobToken[], value: string, longest: boolean): string {
  return reverse(trimPrefix(tokens.toReversed(), reverse(value), longest))
}

/** Replaces the first match, or all, by `replacement`; of several matches at one place the longest counts. */
export function replaceMatches(tokens: readonly GlobToken[], value: string, replacement: string, all: boolean): string {
  const characters = Array.from(value)
  let out = ''
  let at = 0
  let afterMatch = false
  while (at <= characters.length) {
    const length = prefixLength(tokens, characters, at, true)
    // An empty match right after a match is not another one.
    const counts = length !== undefined && (length > 0 || !afterMatch)
    if (counts) out += replacement
    if (counts && !all) return out + characters.slice(at + length).join('')
    if (counts && length > 0) {
      at += length
      afterMatch = true
      continue
    }
    out += characters[at] ?? ''
    at++
    afterMatch = false
  }
  return out
}

function prefixLength(
  tokens: readonly GlobToken[],
  characters: readonly string[],
  from: number,
  longest: boolean,
): number | undefined {
  let best: number | undefined
  matchPrefixes(tokens, characters, from, (length) => {
    if (longest || best === undefined) best = length
  })
  return best
}

function reverse(text: string): string {
  return Array.from(text).toReversed().join('')
}
