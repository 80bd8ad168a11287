import { BuildError } from '../build-error.ts'

/** What {@link readYaml} answers with: plain scalars are texts, but for `true`, `false` and nothing. */
export type YamlValue = string | boolean | null | readonly YamlValue[] | { readonly [name: string]: YamlValue }

const deepest = 40
const largest = 64 << 20

/**
 * Reads the part of YAML that lockfiles and workspace files are written in: block and flow collections, plain and quoted scalars,
 * block scalars, comments, long keys. Anchors, tags, several documents and scalars over several lines are refused.
 * @throws BuildError LOCKFILE_INVALID with the line
 */
export function readYaml(text: string, file: string): YamlValue {
  if (text.length > largest) throw new BuildError('LOCKFILE_INVALID', `Cannot read "${file}": it is larger than 64 MiB`)
  return new YamlReader(text, file).document()
}

interface Line {
  readonly indent: number
  readonly text: string
  readonly number: number
}

class YamlReader {
  readonly #lines: readonly string[]
  readonly #file: string
  #at = 0

  constructor(text: string, file: string) {
    this.#lines = text.split(/\r?\n/)
    this.#file = file
  }

  document(): YamlValue {
    if (this.#peek()?.text === '---') this.#at++
    const first = this.#peek()
    if (first === undefined) return null
    const value = this.#block(first.indent, 0)
    const rest = this.#peek()
    if (rest !== undefined) this.#fail(rest.number, 'something that belongs to nothing above it')
    return value
  }

  /** The next line that says something. */
  #peek(): Line | undefined {
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at]!
      const indent = line.length - line.trimStart().length
      const text = line.slice(indent).trimEnd()
      if (text === '' || text.startsWith('#')) continue
      if (line.slice(0, indent).includes('\t')) this.#fail(this.#at + 1, 'a tab before the text')
      return { indent, text, number: this.#at + 1 }
    }
    return undefined
  }

  #block(indent: number, depth: number): YamlValue {
    const line = this.#peek()!
    if (depth > deepest) this.#fail(line.number, 'collections within collections too deep')
    if (line.text === '-' || line.text.startsWith('- ')) return this.#sequence(indent, depth)
    if (keyOf(line.text) === undefined && !line.text.startsWith('? ')) {
      this.#at++
      return this.#inline(line.text, line.number)
    }
    return this.#mapping(indent, depth)
  }

  #sequence(indent: number, depth: number): readonly YamlValue[] {
    const items: YamlValue[] = []
    for (let line = this.#peek(); line !== undefined && line.indent === indent; line = this.#peek()) {
      if (line.text !== '-' && !line.text.startsWith('- ')) break
      const rest = line.text.slice(1).trimStart()
      if (rest === '') {
        this.#at++
        items.push(this.#below(indent, depth))
      } else if (keyOf(rest) !== undefined && !/^[[{]/.test(rest)) {
        // A mapping that begins on the line of its dash: it stands where its first key does.
        const inner = indent + line.text.length - rest.length
        ;(this.#lines as string[])[this.#at] = `${' '.repeat(inner)}${rest}`
        items.push(this.#mapping(inner, depth + 1))
      } else {
        this.#at++
        items.push(this.#value(rest, { line, indent, depth }))
      }
    }
    return items
  }

  #mapping(indent: number, depth: number): { readonly [name: string]: YamlValue } {
    const members = new Map<string, YamlValue>()
    for (let line = this.#peek(); line !== undefined && line.indent === indent; line = this.#peek()) {
      this.#at++
      let found = keyOf(line.text)
      if (line.text.startsWith('? ')) {
        const next = this.#peek()
        if (next?.indent !== indent || !next.text.startsWith(':')) this.#fail(line.number, 'a long key without a value')
        this.#at++
        found = { key: line.text.slice(2).trim(), rest: next.text.slice(1).trim() }
      }
      if (found === undefined) this.#fail(line.number, 'a line without a key')
      const key = this.#scalar(found.key, line.number)
      const name = key === null ? 'null' : String(key)
      if (members.has(name)) this.#fail(line.number, `the key "${name}" a second time`)
      members.set(name, this.#value(found.rest, { line, indent, depth, inMapping: true }))
    }
    const rest = this.#peek()
    if (rest !== undefined && rest.indent > indent) this.#fail(rest.number, 'a line that is indented too far')
    return Object.fromEntries(members)
  }

  #value(
    rest: string,
    place: { readonly line: Line; readonly indent: number; readonly depth: number; readonly inMapping?: boolean },
  ): YamlValue {
    const { line, indent, depth, inMapping = false } = place
    if (rest === '' || rest.startsWith('#')) return this.#below(indent, depth, inMapping)
    if (/^[|>][+-]?\d?\s*(?:#.*)?$/.test(rest)) return this.#blockScalar(indent, rest.startsWith('>'))
    return this.#inline(rest, line.number)
  }

  /** What stands indented below a key or dash; a list may stand at the indentation of its key. */
  #below(indent: number, depth: number, inMapping = false): YamlValue {
    const line = this.#peek()
    if (line === undefined) return null
    const isList = line.text === '-' || line.text.startsWith('- ')
    if (line.indent > indent || (inMapping && isList && line.indent === indent))
      return this.#block(line.indent, depth + 1)
    return null
  }

  #blockScalar(indent: number, folded: boolean): string {
    const lines: string[] = []
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at]!
      if (line.trim() !== '' && line.length - line.trimStart().length <= indent) break
      lines.push(line.trim())
    }
    return lines.join(folded ? ' ' : '\n').trim()
  }

  #inline(text: string, number: number): YamlValue {
    if (!/^[[{]/.test(text)) return this.#scalar(text, number)
    const flow = new FlowReader(text, (what) => this.#fail(number, what))
    return flow.whole()
  }

  #scalar(text: string, number: number): string | boolean | null {
    return scalarOf(text, (what) => this.#fail(number, what))
  }

  #fail(line: number, what: string): never {
    throw new BuildError('LOCKFILE_INVALID', `Cannot read "${this.#file}", line ${line}: ${what}`)
  }
}

/** Splits `key: rest`; undefined when there is no key. */
function keyOf(text: string): { readonly key: string; readonly rest: string } | undefined {
  const quote = text[0]
  let end: number
  if (quote === '"' || quote === "'") {
    end = endOfQuoted(text, 0)
    if (end === -1 || text[end] !== ':') return undefined
  } else {
    if (/^[[{]/.test(text)) return undefined
    end = text.endsWith(':') && !text.includes(': ') ? text.length - 1 : text.indexOf(': ')
    if (end === -1) return undefined
  }
  return { key: text.slice(0, end), rest: text.slice(end + 1).trim() }
}

/** The index after a quoted scalar that starts at `at`; -1 when it does not end. */
function endOfQuoted(text: string, at: number): number {
  const quote = text[at]
  for (let index = at + 1; index < text.length; index++) {
    if (text[index] === '\\' && quote === '"') index++
    else if (text[index] === quote) {
      if (quote === "'" && text[index + 1] === "'") index++
      else return index + 1
    }
  }
  return -1
}

function scalarOf(text: string, fail: (what: string) => never): string | boolean | null {
  const quote = text[0]
  if (quote === '"' || quote === "'") {
    const end = endOfQuoted(text, 0)
    if (end === -1) fail('a quoted text that does not end on its line')
    if (!/^\s*(?:#.*)?$/.test(text.slice(end))) fail('something after a quoted text')
    const inner = text.slice(1, end - 1)
    if (quote === "'") return inner.replaceAll("''", "'")
    try {
      return String(JSON.parse(`"${inner.replaceAll(/\\x([0-9a-f]{2})/gi, String.raw`\u00$1`)}"`))
    } catch {
      fail('a quoted text with an unknown escape')
    }
  }
  if (/^[&*!%@`]/.test(text)) fail(`"${text[0]}", which is not understood here`)
  const comment = text.indexOf(' #')
  const plain = comment === -1 ? text : text.slice(0, comment).trimEnd()
  if (plain === 'true' || plain === 'false') return plain === 'true'
  return plain === 'null' || plain === '~' || plain === '' ? null : plain
}

/** `{a: b, c: [d]}` on one line. */
class FlowReader {
  readonly #text: string
  readonly #fail: (what: string) => never
  #at = 0

  constructor(text: string, fail: (what: string) => never) {
    this.#text = text
    this.#fail = fail
  }

  whole(): YamlValue {
    const value = this.#value(0)
    if (!/^\s*(?:#.*)?$/.test(this.#text.slice(this.#at))) this.#fail('something after a collection')
    return value
  }

  #value(depth: number): YamlValue {
    if (depth > deepest) this.#fail('collections within collections too deep')
    this.#space()
    const first = this.#text[this.#at]
    if (first === '[') return this.#list(depth)
    if (first === '{') return this.#members(depth)
    return this.#scalar(/[,\]}]/)
  }

  #list(depth: number): readonly YamlValue[] {
    const items: YamlValue[] = []
    this.#at++
    for (;;) {
      this.#space()
      if (this.#take(']')) return items
      items.push(this.#value(depth + 1))
      this.#space()
      if (!this.#take(',') && this.#text[this.#at] !== ']') this.#fail('a list that does not end on its line')
    }
  }

  #members(depth: number): { readonly [name: string]: YamlValue } {
    const members = new Map<string, YamlValue>()
    this.#at++
    for (;;) {
      this.#space()
      if (this.#take('}')) return Object.fromEntries(members)
      const key = this.#scalar(/:(?=\s|$)|[,}]/)
      this.#space()
      if (!this.#take(':')) this.#fail('a member without a value')
      members.set(String(key), this.#value(depth + 1))
      this.#space()
      if (!this.#take(',') && this.#text[this.#at] !== '}') this.#fail('an object that does not end on its line')
    }
  }

  #scalar(until: RegExp): string | boolean | null {
    const rest = this.#text.slice(this.#at)
    const length = /^["']/.test(rest) ? endOfQuoted(rest, 0) : rest.search(until)
    if (length === -1) this.#fail('a collection that does not end on its line')
    this.#at += length
    return scalarOf(rest.slice(0, length).trim(), this.#fail)
  }

  #space(): void {
    while (this.#text[this.#at] === ' ') this.#at++
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }
}
