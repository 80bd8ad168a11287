import { type Heredoc, heredocWords } from './heredoc.ts'
import { LogicalLine } from './logical-line.ts'
import type { Position } from './range.ts'
import type { PhysicalLine, Source } from './source.ts'
import type { Directives } from './syntax.ts'
import { isBlank, readJsonForm } from './words.ts'

/** Longest line a Dockerfile may have, in bytes of UTF-8, as in BuildKit. */
export const longestLine = 65_535

/** One instruction before its arguments are understood. */
export interface ScannedInstruction {
  readonly line: LogicalLine
  readonly heredocs: readonly Heredoc[]
  readonly comments: readonly string[]
  readonly emptyContinuation: boolean
  readonly start: Position
  readonly end: Position
}

/** A file cut into directives and instructions. */
export interface Scan {
  readonly directives: Directives
  readonly instructions: readonly ScannedInstruction[]
}

const directivePattern = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=(.*)$/

/**
 * Cuts a Dockerfile into logical lines: directives at the top, comments dropped (inside continuations too),
 * continuations joined, heredoc bodies collected.
 * @throws DockerfileError LINE_TOO_LONG, DIRECTIVE_INVALID, HEREDOC_UNTERMINATED
 */
export function scan(source: Source): Scan {
  const { lines } = source
  const { directives, next } = readDirectives(source)
  const instructions: ScannedInstruction[] = []
  const continuation = new RegExp(`(?:(?<=[^${regexOf(directives.escape)}])|^)${regexOf(directives.escape)}[ \\t]*$`)
  let comments: string[] = []
  let at = next
  while (at < lines.length) {
    const first = lines[at]!
    checkLength(first, source)
    const indent = first.text.length - first.text.trimStart().length
    const text = first.text.slice(indent)
    at++
    if (text.startsWith('#')) {
      comments.push(text.slice(1).trim())
      continue
    }
    if (text === '') {
      comments = []
      continue
    }
    const line = new LogicalLine(source)
    let emptyContinuation = false
    let continued = append(line, text, first.start + indent, continuation)
    while (continued && at < lines.length) {
      const physical = lines[at]!
      checkLength(physical, source)
      at++
      const trimmed = physical.text.trimStart()
      if (trimmed.startsWith('#')) continue
      if (trimmed === '') emptyContinuation = true
      else continued = append(line, physical.text, physical.start, continuation)
    }
    if (line.text.trim() === '') continue
    const heredocs: Heredoc[] = []
    for (const word of introducesHeredocs(line) ? heredocWords(line.text) : []) {
      const body = readBody(source, at, word.name, word.chomp)
      if (body === undefined) {
        const place = Math.max(0, line.text.indexOf('<<'))
        source.fail(
          'HEREDOC_UNTERMINATED',
          `the heredoc "${word.name}" never ends`,
          line.range(place, Math.min(line.text.length, place + 2 + word.name.length)),
          `a line with nothing but ${word.name} ends it`,
        )
      }
      heredocs.push({
        ...word,
        content: body.content,
        range: source.range(lines[at]?.start ?? source.text.length, body.end),
      })
      at = body.next
    }
    const last = lines[at - 1]!
    instructions.push({
      line,
      heredocs,
      comments,
      emptyContinuation,
      start: source.position(line.offset(0)),
      end: source.position(last.start + last.text.length),
    })
    comments = []
  }
  return { directives, instructions }
}

function regexOf(escape: string): string {
  return escape === '\\' ? '\\\\' : escape
}

/** Adds a line without its continuation character and says whether there was one. A doubled one is none. */
function append(line: LogicalLine, text: string, offset: number, continuation: RegExp): boolean {
  const match = continuation.exec(text)
  line.append(match === null ? text : text.slice(0, match.index), offset)
  return match !== null
}

function checkLength(line: PhysicalLine, source: Source): void {
  const { text, start } = line
  if (text.length * 3 <= longestLine) return
  const bytes = new TextEncoder().encode(text).length
  if (bytes <= longestLine) return
  const range = source.range(start, start + 1)
  source.fail('LINE_TOO_LONG', `the line is ${bytes} bytes long; at most ${longestLine} are allowed`, range)
}

function readDirectives(source: Source): { directives: Directives; next: number } {
  const found = new Map<string, string>()
  let at = 0
  for (; at < source.lines.length; at++) {
    const line = source.lines[at]!
    checkLength(line, source)
    const match = directivePattern.exec(line.text.trimStart())
    const name = match?.[1]?.toLowerCase()
    const value = match?.[2]?.trim()
    if (name === undefined || value === undefined || value === '' || !['syntax', 'escape', 'check'].includes(name))
      break
    const range = source.range(line.start, line.start + line.text.length)
    if (found.has(name)) source.fail('DIRECTIVE_INVALID', `the directive "${name}" is given twice`, range)
    if (name === 'escape' && value !== '\\' && value !== '`') {
      source.fail('DIRECTIVE_INVALID', `the escape character can be \\ or \`, not "${value}"`, range)
    }
    found.set(name, value)
  }
  const escape = found.get('escape') === '`' ? '`' : '\\'
  return { directives: { syntax: found.get('syntax'), escape, check: found.get('check') }, next: at }
}

/** Only RUN, COPY and ADD (also after ONBUILD) take heredocs, and not in the exec form. */
function introducesHeredocs(line: LogicalLine): boolean {
  const { text } = line
  if (!text.includes('<<')) return false
  const match = /^\s*(?:onbuild[\t\v\f\r ]+)?(?:run|copy|add)(?=[\t\v\f\r ])/i.exec(text)
  if (match === null) return false
  let start = match[0].length
  while (isBlank(text[start])) start++
  return readJsonForm({ line, start, end: text.length }) === undefined
}

function readBody(
  source: Source,
  from: number,
  name: string,
  chomp: boolean,
): { content: string; end: number; next: number } | undefined {
  const parts: string[] = []
  for (let at = from; at < source.lines.length; at++) {
    const line = source.lines[at]!
    checkLength(line, source)
    const candidate = chomp ? line.text.replace(/^\t+/, '') : line.text
    if (candidate === name) return { content: parts.join(''), end: line.start, next: at + 1 }
    parts.push(source.text.slice(line.start, line.next))
  }
  return undefined
}
