import { cleanPath } from './clean-path.ts'
import { DockerfileError } from './error.ts'
import { type GlobToken, matchesGlob } from './glob.ts'
import { readTokens } from './path-pattern.ts'
import { Source } from './source.ts'

interface IgnorePattern {
  readonly exception: boolean
  readonly matches: (path: string) => boolean
  /** The path elements in front of the first wildcard; what the pattern matches lies below them. */
  readonly fixed: readonly string[]
  /** False when everything the pattern matches has `fixed` as its path. */
  readonly wildcard: boolean
}

/** Which patterns matched a directory; handed down to what is in it. */
export type IgnoreState = readonly boolean[]

/** What an ignore file says of one path. */
export interface IgnoreVerdict {
  readonly ignored: boolean
  readonly state: IgnoreState
}

/** Patterns of an ignore file, with the meaning of moby's `patternmatcher`: order counts, the last match wins. */
export interface IgnoreMatcher {
  /** True when there are no patterns at all. */
  readonly empty: boolean
  /** Whether a path relative to the context is ignored, by itself or through one of its parents. */
  ignores(path: string): boolean
  /** The same during a walk: `parent` is the state of the directory the path is in (nothing for the context itself). */
  visit(path: string, parent?: IgnoreState): IgnoreVerdict
  /** Whether something below an ignored directory may be re-included, so that it must be walked. */
  mayReinclude(directory: string): boolean
}

/**
 * Reads a `.dockerignore`: `#` comments at column 1, `!` exceptions, `*`, `?`, `[]`, and `**` at any depth; a leading
 * slash means nothing. @throws DockerfileError PATTERN_INVALID, TOO_LARGE
 */
export function parseIgnoreFile(text: string, options?: { readonly file?: string }): IgnoreMatcher {
  const source = new Source(options?.file ?? '.dockerignore', text)
  if (text.length > 1 << 20) source.fail('TOO_LARGE', 'the ignore file is larger than 1 MiB', source.range(0, 0))
  const patterns: IgnorePattern[] = []
  for (const line of source.lines) {
    if (line.text.startsWith('#')) continue
    const written = line.text.trim()
    if (written === '') continue
    const exception = written.startsWith('!')
    const rest = exception ? written.slice(1).trim() : written
    const place = source.range(line.start, line.start + line.text.length)
    if (rest === '') source.fail('PATTERN_INVALID', 'a "!" without a pattern', place)
    const cleaned = cleanPath(rest)
    const pattern = cleaned.length > 1 && cleaned.startsWith('/') ? cleaned.slice(1) : cleaned
    const compiled = compile(pattern)
    if (compiled === undefined) {
      throw new DockerfileError('PATTERN_INVALID', `the pattern "${pattern}" is malformed`, {
        file: source.file,
        range: place,
        hint: 'close every "[" and escape nothing at the end',
      })
    }
    patterns.push({ exception, ...compiled })
  }
  return new Matcher(patterns)
}

function compile(pattern: string): Omit<IgnorePattern, 'exception'> | undefined {
  const elements = pattern.split('/')
  const firstWild = elements.findIndex((element) => /[*?[\\]/.test(element))
  const fixed = firstWild === -1 ? elements : elements.slice(0, firstWild)
  if (firstWild === -1) return { matches: (path) => path === pattern, fixed, wildcard: false }
  let tokens = readTokens(Array.from(pattern), true)
  if (tokens === undefined) return undefined
  // moby takes "**name" without another wildcard as "ends in name".
  if (tokens[0]?.kind === 'deep' && pattern[2] !== '/' && !/[*?[\]\\]/.test(pattern.slice(2))) {
    tokens = [{ kind: 'rest' } satisfies GlobToken, ...tokens.slice(1)]
  }
  const all = tokens
  return { matches: (path) => matchesGlob(all, path), fixed, wildcard: true }
}

class Matcher implements IgnoreMatcher {
  readonly #patterns: readonly IgnorePattern[]

  constructor(patterns: readonly IgnorePattern[]) {
    this.#patterns = patterns
  }

  get empty(): boolean {
    return this.#patterns.length === 0
  }

  ignores(path: string): boolean {
    let state: IgnoreState | undefined
    let ignored = false
    const elements = path.split('/')
    for (let length = 1; length <= elements.length; length++) {
      ;({ ignored, state } = this.visit(elements.slice(0, length).join('/'), state))
    }
    return ignored
  }

  visit(path: string, parent?: IgnoreState): IgnoreVerdict {
    let ignored = false
    const state = this.#patterns.map((pattern, index) => {
      // A pattern that could change nothing is not tried: an exception while included, another while ignored.
      const matched = parent?.[index] === true || (pattern.exception === ignored && pattern.matches(path))
      if (matched) ignored = !pattern.exception
      return matched
    })
    return { ignored, state }
  }

  mayReinclude(directory: string): boolean {
    const inside = directory.split('/')
    return this.#patterns.some(({ exception, fixed, wildcard }) => {
      if (!exception) return false
      const common = Math.min(fixed.length, inside.length)
      for (let at = 0; at < common; at++) if (fixed[at] !== inside[at]) return false
      return wildcard || fixed.length > inside.length
    })
  }
}
