/** Tells whether a whole text matches. The time is the product of the text's and the pattern's length, never more. */
export type LinearMatcher = (text: string) => boolean

type Test = (character: string) => boolean

/** What a pattern is made of. */
type Node =
  | { readonly kind: 'one'; readonly test: Test }
  | { readonly kind: 'all'; readonly parts: readonly Node[] }
  | { readonly kind: 'any'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly min: number; readonly max: number }

type State =
  | { readonly kind: 'end' }
  | { readonly kind: 'one'; readonly test: Test; readonly next: State }
  | { readonly kind: 'fork'; next: readonly State[] }

/** More states than a pattern people write has; `(a{100}){100}` would have ten thousand. */
const mostStates = 4096
const deepest = 32

/**
 * Compiles a regular expression for whole texts: characters, `.`, classes (`[a-z]`, `[^…]`, `\d`, `\w`, `\s`), groups, `|`,
 * `*`, `+`, `?` and `{m,n}`. It is run as a set of states, one step a character, so that no pattern and no text can make it
 * slow. Look-around and back references have no place in that, and are refused.
 *
 * @throws {RangeError} saying what is wrong with it
 */
export function compileLinear(pattern: string): LinearMatcher {
  const node = new Parser(pattern).parse()
  const count = { states: 0 }
  const start = build(node, { kind: 'end' }, count)
  return (text) => run(start, text)
}

function run(start: State, text: string): boolean {
  let current = follow([start])
  for (const character of text) {
    if (current.size === 0) return false
    const next: State[] = []
    for (const state of current) if (state.kind === 'one' && state.test(character)) next.push(state.next)
    current = follow(next)
  }
  return [...current].some((state) => state.kind === 'end')
}

function follow(states: readonly State[]): ReadonlySet<State> {
  const seen = new Set<State>()
  const waiting = [...states]
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    if (seen.has(state)) continue
    seen.add(state)
    if (state.kind === 'fork') waiting.push(...state.next)
  }
  return seen
}

/** Makes states back to front: `next` is where a match of the node goes on. */
function build(node: Node, next: State, count: { states: number }): State {
  if (++count.states > mostStates) throw new RangeError('it is too large')
  switch (node.kind) {
    case 'one':
      return { kind: 'one', test: node.test, next }
    case 'all':
      return node.parts.reduceRight((after, part) => build(part, after, count), next)
    case 'any':
      return { kind: 'fork', next: node.parts.map((part) => build(part, next, count)) }
    case 'repeat': {
      let after = next
      if (node.max === Infinity) {
        const loop: State = { kind: 'fork', next: [next] }
        loop.next = [build(node.part, loop, count), next]
        after = loop
      } else {
        for (let left = node.max - node.min; left > 0; left--) {
          after = { kind: 'fork', next: [build(node.part, after, count), next] }
        }
      }
      for (let left = node.min; left > 0; left--) after = build(node.part, after, count)
      return after
    }
  }
}

const classes: Readonly<Record<string, Test>> = {
  d: (character) => /\d/.test(character),
  D: (character) => /\D/.test(character),
  w: (character) => /\w/.test(character),
  W: (character) => /\W/.test(character),
  s: (character) => /\s/.test(character),
  S: (character) => /\S/.test(character),
}

class Parser {
  readonly #characters: readonly string[]
  #at = 0
  #depth = 0

  constructor(pattern: string) {
    this.#characters = Array.from(pattern)
  }

  parse(): Node {
    // Whole texts are matched anyway.
    if (this.#characters[0] === '^') this.#at = 1
    const node = this.#alternatives()
    if (this.#peek() === '$' && this.#at === this.#characters.length - 1) this.#at++
    if (this.#at < this.#characters.length) return this.#fail(`"${this.#peek()}" has no meaning there`)
    return node
  }

  #alternatives(): Node {
    const parts = [this.#sequence()]
    while (this.#take('|')) parts.push(this.#sequence())
    return parts.length === 1 ? parts[0]! : { kind: 'any', parts }
  }

  #sequence(): Node {
    const parts: Node[] = []
    for (let next = this.#peek(); next !== undefined && !'|)$'.includes(next); next = this.#peek()) {
      parts.push(this.#repeated(this.#atom()))
    }
    return { kind: 'all', parts }
  }

  #repeated(part: Node): Node {
    if (this.#take('*')) return { kind: 'repeat', part, min: 0, max: Infinity }
    if (this.#take('+')) return { kind: 'repeat', part, min: 1, max: Infinity }
    if (this.#take('?')) return { kind: 'repeat', part, min: 0, max: 1 }
    if (!this.#take('{')) return part
    const text = this.#until('}')
    const [, low = '', comma, high] = /^(\d{1,4})(?:(,)(\d{1,4})?)?$/.exec(text) ?? []
    const min = Number(low)
    const max = comma === undefined ? min : high === undefined ? Infinity : Number(high)
    if (low === '' || max < min) return this.#fail(`{${text}} is no number of times`)
    return { kind: 'repeat', part, min, max }
  }

  #atom(): Node {
    const character = this.#characters[this.#at++] ?? ''
    if (character === '(') return this.#group()
    if (character === '[') return { kind: 'one', test: this.#class() }
    if (character === '.') return { kind: 'one', test: () => true }
    if (character === '\\') return { kind: 'one', test: this.#escape() }
    if ('*+?{}]^'.includes(character)) return this.#fail(`"${character}" has no meaning there`)
    return { kind: 'one', test: (other) => other === character }
  }

  #group(): Node {
    if (++this.#depth > deepest) return this.#fail('its groups nest too deep')
    if (this.#take('?') && !this.#take(':')) return this.#fail('look-around and named groups are not read')
    const node = this.#alternatives()
    if (!this.#take(')')) return this.#fail('a group is not closed')
    this.#depth--
    return node
  }

  #escape(): Test {
    const character = this.#characters[this.#at++]
    if (character === undefined) return this.#fail('it ends with a backslash')
    const test = classes[character]
    if (test !== undefined) return test
    if (/[A-Za-z0-9]/.test(character)) return this.#fail(`\\${character} is not read`)
    return (other) => other === character
  }

  #class(): Test {
    const isNegated = this.#take('^')
    const tests: Test[] = []
    while (!this.#take(']')) {
      const low = this.#characters[this.#at++]
      if (low === undefined) return this.#fail('a bracket is not closed')
      if (low === '\\') tests.push(this.#escape())
      else if (this.#peek() === '-' && this.#characters[this.#at + 1] !== ']') {
        this.#at++
        const high = this.#characters[this.#at++] ?? ''
        if (high < low) return this.#fail(`${low}-${high} is no range`)
        tests.push((character) => character >= low && character <= high)
      } else tests.push((character) => character === low)
    }
    if (tests.length === 0) return this.#fail('brackets are empty')
    return (character) => tests.some((test) => test(character)) !== isNegated
  }

  #peek(): string | undefined {
    return this.#characters[this.#at]
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false
    this.#at++
    return true
  }

  #until(character: string): string {
    const end = this.#characters.indexOf(character, this.#at)
    if (end < 0) return this.#fail(`"${character}" is missing`)
    const text = this.#characters.slice(this.#at, end).join('')
    this.#at = end + 1
    return text
  }

  #fail(problem: string): never {
    throw new RangeError(problem)
  }
}
