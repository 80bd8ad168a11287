/** One step of a pattern. `deep` is `(.*\/)?`, `rest` is `.*`, `star` is `*` within a path element. */
export type GlobToken =
  | { readonly kind: 'literal'; readonly character: string }
  | { readonly kind: 'any' | 'star' | 'deep' | 'rest' | 'dot' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] }

/**
 * Finds the lengths (in code points) of all prefixes of `characters` from `from` that the tokens match, and calls
 * `found` with each in ascending order. The tokens are run as a nondeterministic automaton, so the time is bounded by
 * the product of both lengths whatever the pattern.
 */
export function matchPrefixes(
  tokens: readonly GlobToken[],
  characters: readonly string[],
  from: number,
  found: (length: number) => void,
): void {
  // One state per token, plus the accepting one; a `deep` token has a second state for "inside .*".
  const last = tokens.length
  let active = new Uint8Array(last + 1)
  let inside = new Uint8Array(last + 1)
  const enter = (states: Uint8Array, index: number): void => {
    for (let at = index; states[at] === 0; at++) {
      states[at] = 1
      const kind = tokens[at]?.kind
      if (kind !== 'star' && kind !== 'deep' && kind !== 'rest') break
    }
  }
  enter(active, 0)
  for (let at = from; ; at++) {
    if (active[last] === 1) found(at - from)
    const character = characters[at]
    if (character === undefined) return
    const next = new Uint8Array(last + 1)
    const nextInside = new Uint8Array(last + 1)
    let alive = false
    for (let state = 0; state < last; state++) {
      const token = tokens[state]!
      if (token.kind === 'deep') {
        if (active[state] === 0 && inside[state] === 0) continue
        nextInside[state] = 1
        if (character === '/') enter(next, state + 1)
        alive = true
      } else if (active[state] === 1 && accepts(token, character)) {
        enter(next, token.kind === 'star' || token.kind === 'rest' ? state : state + 1)
        alive = true
      }
    }
    if (!alive) return
    active = next
    inside = nextInside
  }
}

/** Whether the tokens match the whole text. */
export function matchesGlob(tokens: readonly GlobToken[], text: string): boolean {
  const characters = Array.from(text)
  let longest = -1
  matchPrefixes(tokens, characters, 0, (length) => {
    longest = length
  })
  return longest === characters.length
}

function accepts(token: GlobToken, character: string): boolean {
  if (token.kind === 'literal') return token.character === character
  if (token.kind === 'dot' || token.kind === 'rest' || token.kind === 'deep') return true
  if (character === '/') return false
  if (token.kind !== 'class') return true
  return (
    token.ranges.some(([low, high]) => compare(low, character) <= 0 && compare(character, high) <= 0) !== token.negated
  )
}

function compare(a: string, b: string): number {
  return a.codePointAt(0)! - b.codePointAt(0)!
}
