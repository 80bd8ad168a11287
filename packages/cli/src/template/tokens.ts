import { CliError } from '../cli-error.ts'

/** A piece of the inside of an action. `at` is the offset in the whole template. */
export interface Token {
  readonly kind: 'field' | 'variable' | 'word' | 'string' | 'number' | 'symbol'
  readonly text: string
  readonly at: number
}

/** Text to be printed, or an action still to be parsed. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly tokens: readonly Token[]; readonly at: number }

/** The error of a template: the text with a caret under the place. */
export function templateError(source: string, at: number, problem: string): CliError {
  const start = source.lastIndexOf('\n', at - 1) + 1
  const end = source.indexOf('\n', at)
  const line = source.slice(start, end < 0 ? undefined : end)
  return new CliError(
    'TEMPLATE',
    `Cannot use the template given with --format: ${problem}\n  ${line}\n  ${' '.repeat(at - start)}^`,
  )
}

/** Cuts a template into text and actions; `{{-` and `-}}` trim the text beside them, comments vanish. */
export function cutTemplate(source: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  let trimNext = false
  while (at < source.length) {
    const open = source.indexOf('{{', at)
    let text = source.slice(at, open < 0 ? undefined : open)
    if (trimNext) text = text.trimStart()
    const trimsLeft = open >= 0 && /^-\s/.test(source.slice(open + 2, open + 4))
    if (trimsLeft) text = text.trimEnd()
    if (text !== '') pieces.push({ kind: 'text', text })
    if (open < 0) break
    const from = open + (trimsLeft ? 3 : 2)
    const comment = /^\s*\/\*[^]*?\*\/\s*-?\}\}/.exec(source.slice(from))
    if (comment !== null) {
      at = from + comment[0].length
      trimNext = comment[0].endsWith('-}}')
      continue
    }
    const { tokens, end, trimsRight } = cutAction(source, from)
    pieces.push({ kind: 'action', tokens, at: open })
    at = end
    trimNext = trimsRight
  }
  return pieces
}

const shapes: readonly [Token['kind'], RegExp][] = [
  ['string', /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ['number', /[+-]?\d+(?:\.\d+)?/y],
  ['field', /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ['variable', /\$[\p{L}\p{N}_]*/uy],
  ['word', /[\p{L}_][\p{L}\p{N}_]*/uy],
  ['symbol', /:=|[|().,=]/y],
]

function cutAction(source: string, from: number): { tokens: Token[]; end: number; trimsRight: boolean } {
  const tokens: Token[] = []
  let at = from
  for (;;) {
    const space = /\s*/y
    space.lastIndex = at
    at += space.exec(source)?.[0].length ?? 0
    if (source.startsWith('}}', at)) return { tokens, end: at + 2, trimsRight: false }
    if (source.startsWith('-}}', at)) return { tokens, end: at + 3, trimsRight: true }
    if (at >= source.length) throw templateError(source, from - 2, 'the action that opens here is not closed with }}')
    const token = matchToken(source, at)
    if (token === undefined) throw templateError(source, at, `unexpected ${JSON.stringify(source.charAt(at))}`)
    tokens.push(token)
    at += token.text.length
  }
}

function matchToken(source: string, at: number): Token | undefined {
  for (const [kind, shape] of shapes) {
    shape.lastIndex = at
    const match = shape.exec(source)
    if (match !== null) return { kind, text: match[0], at }
  }
  return undefined
}
