import { quote } from '@gantry/oci'

/** A pattern of names. Matching takes time in proportion to the lengths of the pattern and the text, whatever is in them. */
export interface Glob {
  /** As it was written. */
  readonly source: string
  /** Whether the whole text matches; `user` stands for `{user}`, which matches nothing without one. */
  matches(text: string, user?: string): boolean
}

/** What a pattern may hold. */
export interface GlobOptions {
  /** Whether `{user}` stands for the name of who asks. Default: false. */
  readonly variables?: boolean
}

type Token =
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] }
  | { readonly kind: 'one' | 'star' | 'globstar' | 'directories' | 'below' | 'user' }

const longest = 512
const mostAlternatives = 64
/** Stands for `{user}` until a text is matched. */
const userMark = '\u0000'
/** One part of a repository's name: whoever is called otherwise (with a `/`, say) would match what is another's. */
const userPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/

/**
 * Reads a pattern: `*` is any text without a `/`, `**` any text, a leading or inner double star with a slash any folders or none,
 * `team/**` `team` and all below it, `?` one character but `/`, `[a-z]` and `[!a-z]` one of a set, `{a,b}` either; everything else is itself. `**` alone is
 * everything.
 *
 * @throws {SyntaxError} when it is no pattern; the message says what is wrong with it
 */
export function parseGlob(source: string, options: GlobOptions = {}): Glob {
  if (source === '' || source.length > longest) {
    throw new SyntaxError(`a pattern has 1 to ${longest} characters`)
  }
  if (source.includes(userMark)) {
    throw new SyntaxError('a pattern has no NUL character')
  }
  const alternatives = expand(source, options).map((text) => tokens(text))
  return {
    source,
    matches: (text, user) => alternatives.some((each) => run(withUser(each, user), text)),
  }
}

/** The texts without `{a,b}` that the pattern stands for. */
function expand(source: string, options: GlobOptions): readonly string[] {
  let results: readonly string[] = ['']
  let rest = source
  while (rest !== '') {
    const [all, plain = '', group] = /^([^{}]*)(?:\{([^{}]*)\})?/.exec(rest) ?? ['']
    if (all === '') throw new SyntaxError(`the braces of ${quote(source)} do not match, or are nested`)
    rest = rest.slice(all.length)
    const choices = group === undefined ? [''] : alternativesOf(source, group, options)
    results = results.flatMap((before) => choices.map((choice) => before + plain + choice))
    if (results.length > mostAlternatives) {
      throw new SyntaxError(`${quote(source)} stands for more than ${mostAlternatives} patterns`)
    }
  }
  return results
}

function alternativesOf(source: string, group: string, { variables = false }: GlobOptions): readonly string[] {
  if (variables && group === 'user') return [userMark]
  if (group.includes(',')) return group.split(',')
  throw new SyntaxError(
    `{${group}} in ${quote(source)} is neither alternatives such as {a,b}${variables ? ' nor {user}' : ''}`,
  )
}

function tokens(text: string): readonly Token[] {
  const result: Token[] = []
  let at = 0
  while (at < text.length) {
    const rest = text.slice(at)
    if (rest.startsWith('**/') && (at === 0 || text[at - 1] === '/')) {
      result.push({ kind: 'directories' })
      at += 3
    } else if (rest === '/**' && at > 0) {
      result.push({ kind: 'below' }, { kind: 'globstar' })
      at = text.length
    } else if (rest.startsWith('*')) {
      const stars = /^\*+/.exec(rest)?.[0].length ?? 1
      result.push({ kind: stars > 1 ? 'globstar' : 'star' })
      at += stars
    } else if (rest.startsWith('?')) {
      result.push({ kind: 'one' })
      at += 1
    } else if (rest.startsWith('[')) {
      const [all, negated = '', members = ''] = /^\[(!?)([^\]]+)\]/.exec(rest) ?? ['']
      if (all === '') throw new SyntaxError(`the bracket of ${quote(text)} is not closed, or empty`)
      result.push({ kind: 'class', negated: negated !== '', ranges: rangesOf(members) })
      at += all.length
    } else {
      const char = text.charAt(at)
      result.push(char === userMark ? { kind: 'user' } : { kind: 'char', char })
      at += 1
    }
  }
  return result
}

function rangesOf(members: string): readonly (readonly [string, string])[] {
  return [...members.matchAll(/(.)-(.)|(.)/gs)].map(([, from = '', to = '', single]) =>
    single === undefined ? ([from, to] as const) : ([single, single] as const),
  )
}

function withUser(pattern: readonly Token[], user: string | undefined): readonly Token[] {
  if (!pattern.some(({ kind }) => kind === 'user')) return pattern
  if (user === undefined || !userPattern.test(user)) return [{ kind: 'class', negated: false, ranges: [] }]
  const name = user.split('').map((char) => ({ kind: 'char', char }) as const)
  return pattern.flatMap((token) => (token.kind === 'user' ? name : [token]))
}

/** Walks all places in the pattern that the text so far leads to at once, so that nothing is ever tried twice. */
function run(pattern: readonly Token[], text: string): boolean {
  let places = new Set<number>()
  enter(pattern, places, 0)
  for (let at = 0; at < text.length && places.size > 0; at++) {
    const char = text.charAt(at)
    const next = new Set<number>()
    for (const place of places) {
      const token = pattern[place]
      if (token === undefined) continue
      if (token.kind === 'directories') {
        next.add(place)
        if (char === '/') enter(pattern, next, place + 1)
      } else if (token.kind === 'below') {
        if (char === '/') enter(pattern, next, place + 1)
      } else if (token.kind === 'globstar' || (token.kind === 'star' && char !== '/')) enter(pattern, next, place)
      else if (takes(token, char)) enter(pattern, next, place + 1)
    }
    places = next
  }
  return places.has(pattern.length)
}

/** Adds a place and those that are reached from it without a character. */
function enter(pattern: readonly Token[], places: Set<number>, place: number): void {
  for (let at = place; !places.has(at); at++) {
    places.add(at)
    const kind = pattern[at]?.kind
    if (kind === 'below') places.add(pattern.length)
    if (kind !== 'star' && kind !== 'globstar' && kind !== 'directories') return
  }
}

function takes(token: Token, char: string): boolean {
  if (token.kind === 'char') return token.char === char
  if (token.kind === 'one') return char !== '/'
  if (token.kind !== 'class') return false
  const isMember = token.ranges.some(([from, to]) => from <= char && char <= to)
  return token.negated ? char !== '/' && !isMember : isMember
}
