import { cutTemplate, templateError, type Piece, type Token } from './tokens.ts'

/** A value or a call within a pipeline. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'path'; readonly of: Expression; readonly fields: readonly string[]; readonly at: number }
  | { readonly kind: 'dot' }
  | { readonly kind: 'variable'; readonly name: string; readonly at: number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[]; readonly at: number }
  | { readonly kind: 'method'; readonly of: Expression; readonly args: readonly Expression[]; readonly at: number }
  | { readonly kind: 'pipe'; readonly first: Expression; readonly rest: readonly Expression[] }

/** What a template is made of. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly value: Expression }
  | {
      readonly kind: 'set'
      readonly name: string
      readonly value: Expression
      readonly declares: boolean
      readonly at: number
    }
  | {
      readonly kind: 'if' | 'with'
      readonly name: string | undefined
      readonly value: Expression
      readonly body: readonly Node[]
      readonly otherwise: readonly Node[]
    }
  | {
      readonly kind: 'range'
      readonly names: readonly string[]
      readonly value: Expression
      readonly body: readonly Node[]
      readonly otherwise: readonly Node[]
      readonly at: number
    }
  | { readonly kind: 'break' | 'continue' }

/**
 * Parses the subset of Go's text/template that `--format` takes:
 * fields, variables, literals, parentheses, pipelines, function calls; `if`/`else if`/`else`, `range`/`else`, `with`/`else`,
 * `break`, `continue`, `end`; trim markers and comments. `define`, `template` and `block` are refused.
 *
 * @throws CliError TEMPLATE with the place.
 */
export function parseTemplate(source: string): readonly Node[] {
  const pieces = cutTemplate(source)
  let at = 0
  const { nodes } = block(undefined)
  return nodes

  function block(opened: number | undefined): { nodes: Node[]; ended: Tokens | undefined } {
    const nodes: Node[] = []
    for (;;) {
      const piece: Piece | undefined = pieces[at]
      at += 1
      if (piece === undefined) {
        if (opened !== undefined) throw templateError(source, opened, 'the block that opens here has no {{end}}')
        return { nodes, ended: undefined }
      }
      if (piece.kind === 'text') {
        nodes.push(piece)
        continue
      }
      const tokens = new Tokens(source, piece.tokens, piece.at)
      const word = tokens.peekWord()
      if (word === 'end' || word === 'else') {
        if (opened === undefined) throw templateError(source, piece.at, `{{${word}}} without a block`)
        tokens.next()
        return { nodes, ended: word === 'else' ? tokens : undefined }
      }
      nodes.push(statement(tokens, word, piece.at))
    }
  }

  function statement(tokens: Tokens, word: string | undefined, start: number): Node {
    if (word === 'if' || word === 'with' || word === 'range') {
      tokens.next()
      return control(word, tokens, start)
    }
    if (word === 'break' || word === 'continue') return { kind: word }
    if (word === 'define' || word === 'template' || word === 'block') {
      throw templateError(source, start, `{{${word}}} is not supported`)
    }
    const assigned = tokens.takeAssignment()
    const value = pipeline(tokens)
    tokens.end()
    if (assigned === undefined) return { kind: 'print', value }
    return { kind: 'set', name: assigned.names[0] ?? '', value, declares: assigned.declares, at: start }
  }

  function control(word: 'if' | 'with' | 'range', tokens: Tokens, start: number): Node {
    const assigned = tokens.takeAssignment()
    const value = pipeline(tokens)
    tokens.end()
    const { nodes: body, ended } = block(start)
    const otherwise = ended === undefined ? [] : elseBranch(ended, start)
    if (word === 'range') return { kind: 'range', names: assigned?.names ?? [], value, body, otherwise, at: start }
    return { kind: word, name: assigned?.names[0], value, body, otherwise }
  }

  function elseBranch(tokens: Tokens, start: number): readonly Node[] {
    const word = tokens.peekWord()
    if (word === 'if' || word === 'with') {
      tokens.next()
      return [control(word, tokens, start)]
    }
    tokens.end()
    const { nodes, ended } = block(start)
    if (ended !== undefined) throw templateError(source, start, 'the block that opens here has two {{else}}')
    return nodes
  }
}

function pipeline(tokens: Tokens): Expression {
  const first = command(tokens)
  const rest: Expression[] = []
  while (tokens.takeSymbol('|')) rest.push(command(tokens))
  return rest.length === 0 ? first : { kind: 'pipe', first, rest }
}

function command(tokens: Tokens): Expression {
  const token = tokens.peek()
  if (token?.kind === 'word' && !(token.text in words)) {
    tokens.next()
    const args: Expression[] = []
    while (!tokens.atBoundary()) args.push(operand(tokens))
    return { kind: 'call', name: token.text, args, at: token.at }
  }
  const value = operand(tokens)
  if (value.kind !== 'path' || tokens.atBoundary()) return value
  const args: Expression[] = []
  while (!tokens.atBoundary()) args.push(operand(tokens))
  return { kind: 'method', of: value, args, at: value.at }
}

const words: Readonly<Record<string, boolean | null>> = { true: true, false: false, nil: null }

function operand(tokens: Tokens): Expression {
  const token = tokens.next()
  switch (token?.kind) {
    case 'string':
      return { kind: 'literal', value: token.text.startsWith('`') ? token.text.slice(1, -1) : unquote(tokens, token) }
    case 'number':
      return { kind: 'literal', value: Number(token.text) }
    case 'word':
      if (token.text in words) return { kind: 'literal', value: words[token.text] ?? null }
      return { kind: 'call', name: token.text, args: [], at: token.at }
    case 'variable':
      return path({ kind: 'variable', name: token.text, at: token.at }, tokens, undefined)
    case 'field':
      return path({ kind: 'dot' }, tokens, token)
    case 'symbol':
      if (token.text === '.') return { kind: 'dot' }
      if (token.text === '(') {
        const inner = pipeline(tokens)
        if (!tokens.takeSymbol(')')) throw tokens.unexpected()
        return path(inner, tokens, undefined)
      }
  }
  throw tokens.unexpected(token)
}

function unquote(tokens: Tokens, token: Token): string {
  try {
    return String(JSON.parse(token.text))
  } catch {
    throw tokens.unexpected(token)
  }
}

/** Fields follow without a space: `.A.B`, `$x.A`, `(index .A 0).B`. */
function path(of: Expression, tokens: Tokens, first: Token | undefined): Expression {
  const fields = first === undefined ? [] : [first.text.slice(1)]
  const at = first?.at ?? tokens.peek()?.at ?? 0
  for (let field = tokens.takeAdjacentField(); field !== undefined; field = tokens.takeAdjacentField()) {
    fields.push(field.text.slice(1))
  }
  return fields.length === 0 ? of : { kind: 'path', of, fields, at }
}

/** Walks the tokens of one action. */
class Tokens {
  readonly #source: string
  readonly #tokens: readonly Token[]
  readonly #start: number
  #at = 0

  constructor(source: string, tokens: readonly Token[], start: number) {
    this.#source = source
    this.#tokens = tokens
    this.#start = start
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead]
  }

  peekWord(): string | undefined {
    const token = this.peek()
    return token?.kind === 'word' ? token.text : undefined
  }

  next(): Token | undefined {
    const token = this.peek()
    this.#at += 1
    return token
  }

  takeSymbol(text: string): boolean {
    const token = this.peek()
    if (token?.kind !== 'symbol' || token.text !== text) return false
    this.#at += 1
    return true
  }

  takeAdjacentField(): Token | undefined {
    const token = this.peek()
    const before = this.peek(-1)
    if (token?.kind !== 'field' || before === undefined || before.at + before.text.length !== token.at) return undefined
    this.#at += 1
    return token
  }

  /** `$x :=`, `$x =` or `$i, $x :=` at the beginning of an action. */
  takeAssignment(): { names: string[]; declares: boolean } | undefined {
    const names: string[] = []
    let ahead = 0
    for (;;) {
      const token = this.peek(ahead)
      if (token?.kind !== 'variable') return undefined
      names.push(token.text)
      const after = this.peek(ahead + 1)
      if (after?.kind !== 'symbol') return undefined
      ahead += 2
      if (after.text === ',') continue
      if (after.text !== ':=' && after.text !== '=') return undefined
      this.#at += ahead
      return { names, declares: after.text === ':=' }
    }
  }

  atBoundary(): boolean {
    const token = this.peek()
    return token === undefined || (token.kind === 'symbol' && (token.text === '|' || token.text === ')'))
  }

  end(): void {
    if (this.peek() !== undefined) throw this.unexpected()
  }

  unexpected(token: Token | undefined = this.peek()): Error {
    if (token === undefined) return templateError(this.#source, this.#start, 'the action ends too early')
    return templateError(this.#source, token.at, `unexpected ${JSON.stringify(token.text)}`)
  }
}
