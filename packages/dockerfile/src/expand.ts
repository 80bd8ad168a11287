import type { DockerfileErrorCode } from './error.ts'
import { patternBudget, readShellPattern, replaceMatches, trimPrefix, trimSuffix } from './shell-pattern.ts'

/** How a word is read. */
export interface ExpandOptions {
  /** The escape character of the file. */
  readonly escape: string
  /** Keep quotes in the result. */
  readonly keepQuotes?: boolean
  /** Keep escape characters in the result. */
  readonly keepEscapes?: boolean
  /** Quotes are ordinary characters (heredoc bodies). */
  readonly ignoreQuotes?: boolean
  /** Leave references to unset variables as they are written. */
  readonly keepUnset?: boolean
}

/** What came out of a word. */
export interface Expansion {
  readonly value: string
  /** The value split at unquoted blanks, after expansion. */
  readonly words: readonly string[]
  /** Names that were asked for and found, or not; those that `-`, `+` or `?` provide for are neither. */
  readonly used: ReadonlySet<string>
  readonly unset: ReadonlySet<string>
}

/** A word that cannot be expanded. Has no position: whoever knows the word's place turns it into a DockerfileError. */
export class ExpansionError extends Error {
  override readonly name = 'ExpansionError'
  readonly code: Extract<DockerfileErrorCode, 'EXPANSION_INVALID' | 'EXPANSION_TOO_LARGE'>

  constructor(code: ExpansionError['code'], message: string) {
    super(message)
    this.code = code
  }
}

const deepest = 64
const longestResult = 1 << 20
const special = '@*#?-$!0'

/**
 * Expands variables and removes quotes and escapes in one word, as the Dockerfile frontend does (not as a shell would:
 * no command substitution, no arithmetic). `lookup` gives a variable's value, undefined when it is not set.
 * Bounded: nesting to 64 levels, results to 1 MiB, pattern work to a fixed budget.
 * @throws ExpansionError
 */
export function expand(word: string, lookup: (name: string) => string | undefined, options: ExpandOptions): Expansion {
  return new Expander(word, lookup, options).run()
}

/** Collects the words of a result: blanks that were not quoted separate them. */
class Words {
  readonly #words: string[] = []
  #word = ''
  #inWord = false

  add(text: string): void {
    for (const character of text) {
      if (!/\s/.test(character)) this.raw(character)
      else if (this.#inWord && this.#word !== '') this.#finish()
    }
  }

  raw(text: string): void {
    this.#word += text
    this.#inWord = true
  }

  end(): string[] {
    if (this.#word !== '') this.#finish()
    return this.#words
  }

  #finish(): void {
    this.#words.push(this.#word)
    this.#word = ''
    this.#inWord = false
  }
}

class Expander {
  readonly #characters: readonly string[]
  readonly #lookup: (name: string) => string | undefined
  readonly #options: ExpandOptions
  readonly #used = new Set<string>()
  readonly #unset = new Set<string>()
  #at = 0
  #depth = 0
  #produced = 0
  #budget = patternBudget

  constructor(word: string, lookup: (name: string) => string | undefined, options: ExpandOptions) {
    this.#characters = Array.from(word)
    this.#lookup = lookup
    this.#options = options
  }

  run(): Expansion {
    const { value, words } = this.#until(undefined, this.#options.keepEscapes === true)
    return { value, words, used: this.#used, unset: this.#unset }
  }

  #peek(): string | undefined {
    return this.#characters[this.#at]
  }

  #next(): string | undefined {
    return this.#characters[this.#at++]
  }

  #until(stop: string | undefined, keepEscapes: boolean): { value: string; words: string[] } {
    if (++this.#depth > deepest)
      throw new ExpansionError('EXPANSION_INVALID', `substitutions nest deeper than ${deepest}`)
    const words = new Words()
    const out: string[] = []
    for (;;) {
      const character = this.#peek()
      if (character === undefined) break
      if (character === stop) {
        this.#at++
        this.#depth--
        return { value: out.join(''), words: words.end() }
      }
      if (character === '$') {
        const value = this.#grow(this.#dollar())
        out.push(value)
        words.add(value)
      } else if (this.#options.ignoreQuotes !== true && (character === "'" || character === '"')) {
        const value = character === "'" ? this.#single() : this.#double(keepEscapes)
        out.push(value)
        words.raw(value)
      } else {
        this.#at++
        if (character !== this.#options.escape) {
          out.push(character)
          words.add(character)
          continue
        }
        if (keepEscapes) {
          out.push(character)
          words.raw(character)
        }
        const escaped = this.#next()
        if (escaped === undefined) break
        out.push(escaped)
        words.raw(escaped)
      }
    }
    if (stop !== undefined) throw new ExpansionError('EXPANSION_INVALID', `missing "${stop}" in a substitution`)
    this.#depth--
    return { value: out.join(''), words: words.end() }
  }

  #single(): string {
    const start = this.#at
    const end = this.#characters.indexOf("'", start + 1)
    if (end === -1) throw new ExpansionError('EXPANSION_INVALID', "a single quote (') is never closed")
    this.#at = end + 1
    const keep = this.#options.keepQuotes === true
    return this.#characters.slice(keep ? start : start + 1, keep ? end + 1 : end).join('')
  }

  #double(keepEscapes: boolean): string {
    const quote = this.#options.keepQuotes === true ? '"' : ''
    this.#at++
    const out = [quote]
    for (;;) {
      const character = this.#peek()
      if (character === undefined) throw new ExpansionError('EXPANSION_INVALID', 'a double quote (") is never closed')
      if (character === '$') {
        out.push(this.#grow(this.#dollar()))
        continue
      }
      this.#at++
      if (character === '"') return out.join('') + quote
      if (character !== this.#options.escape) {
        out.push(character)
        continue
      }
      if (keepEscapes) out.push(character)
      const escaped = this.#peek()
      if (escaped === '"' || escaped === '$' || escaped === this.#options.escape) {
        this.#at++
        out.push(escaped)
      } else if (escaped !== undefined) out.push(character)
    }
  }

  #dollar(): string {
    this.#at++
    if (this.#peek() !== '{') {
      const name = this.#name()
      if (name === '') return '$'
      return this.#value(name) ?? (this.#options.keepUnset === true ? `$${name}` : '')
    }
    this.#at++
    const first = this.#peek()
    if (first === undefined) throw new ExpansionError('EXPANSION_INVALID', 'a substitution ${ is never closed')
    if (first === '{' || first === '}' || first === ':') {
      throw new ExpansionError('EXPANSION_INVALID', `bad substitution: "\${${first}" where a variable name should be`)
    }
    return this.#substitution(this.#name())
  }

  #substitution(name: string): string {
    let modifier = this.#next()
    const keepUnset = this.#options.keepUnset === true
    if (modifier === '}') return this.#value(name) ?? (keepUnset ? `\${${name}}` : '')
    if (modifier === '/') return this.#replacement(name)
    let written = modifier ?? ''
    const emptyIsUnset = modifier === ':'
    if (emptyIsUnset) {
      modifier = this.#next()
      written += modifier ?? ''
    }
    if (modifier === undefined) throw new ExpansionError('EXPANSION_INVALID', 'a substitution ${ is never closed')
    if (!'-+?'.includes(modifier) && (emptyIsUnset || !'#%'.includes(modifier))) {
      throw new ExpansionError('EXPANSION_INVALID', `unsupported modifier "${written}" in a substitution`)
    }
    const trims = modifier === '#' || modifier === '%'
    const { value: word } = this.#until('}', trims)
    // Whoever says what holds for an unset variable knows that it may be unset.
    const isKnown = trims || this.#unset.has(name)
    const value = this.#value(name)
    if (!isKnown) this.#unset.delete(name)
    if (value === undefined && keepUnset) return `\${${name}${written}${word}}`
    const missing = value === undefined || (emptyIsUnset && value === '')
    if (modifier === '-') return missing ? word : value
    if (modifier === '+') return missing ? '' : word
    if (modifier === '?') {
      if (!missing) return value
      const reason = word !== '' ? word : `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`
      throw new ExpansionError('EXPANSION_INVALID', `${name}: ${reason}`)
    }
    const longest = word.startsWith(modifier)
    const tokens = this.#pattern(longest ? word.slice(1) : word, value ?? '', 1)
    return (modifier === '#' ? trimPrefix : trimSuffix)(tokens, value ?? '', longest)
  }

  #replacement(name: string): string {
    const all = this.#peek() === '/'
    if (all) this.#at++
    const { value: pattern } = this.#until('/', true)
    const { value: replacement } = this.#until('}', true)
    const value = this.#value(name)
    if (value === undefined && this.#options.keepUnset === true) return `\${${name}/${pattern}/${replacement}}`
    const text = value ?? ''
    const tokens = this.#pattern(pattern, text, text.length + 1)
    if ((text.length + 1) * replacement.length > longestResult) this.#tooLarge()
    return replaceMatches(tokens, text, replacement, all)
  }

  #pattern(pattern: string, value: string, starts: number): ReturnType<typeof readShellPattern> & object {
    // Without a star a match ends within the length of the pattern.
    const reach = pattern.includes('*') ? value.length : Math.min(value.length, pattern.length)
    this.#budget -= (pattern.length + 1) * (reach + 1) * starts
    if (this.#budget < 0)
      throw new ExpansionError('EXPANSION_TOO_LARGE', 'matching a pattern in a substitution takes too long')
    const tokens = readShellPattern(pattern)
    if (tokens === undefined)
      throw new ExpansionError('EXPANSION_INVALID', `invalid escape in the pattern "${pattern}"`)
    return tokens
  }

  #name(): string {
    const first = this.#peek()
    if (first === undefined) return ''
    let name = ''
    if (/\p{Nd}/u.test(first)) {
      while (/^\p{Nd}$/u.test(this.#peek() ?? '')) name += this.#next()
      return name
    }
    if (special.includes(first)) return this.#next()!
    while (/^[\p{L}\p{Nd}_]$/u.test(this.#peek() ?? '')) name += this.#next()
    return name
  }

  #value(name: string): string | undefined {
    const value = this.#lookup(name)
    ;(value === undefined ? this.#unset : this.#used).add(name)
    return value
  }

  #grow(value: string): string {
    this.#produced += value.length
    if (this.#produced > longestResult) this.#tooLarge()
    return value
  }

  #tooLarge(): never {
    throw new ExpansionError(
      'EXPANSION_TOO_LARGE',
      `the result of expanding variables is longer than ${longestResult} characters`,
    )
  }
}
