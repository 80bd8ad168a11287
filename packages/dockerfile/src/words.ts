import type { LogicalLine } from './logical-line.ts'
import type { Text } from './range.ts'

/** What separates arguments inside an instruction: blanks, but not a line break (continuations are already joined). */
const blank = /[\t\v\f\r ]/

/** Whether a character separates arguments. */
export function isBlank(character: string | undefined): boolean {
  return character !== undefined && blank.test(character)
}

/** The part of an instruction that is still to be read. */
export interface Rest {
  readonly line: LogicalLine
  readonly start: number
  readonly end: number
}

/** What is still to be read, with its place. */
export function restText(rest: Rest): Text {
  return rest.line.slice(rest.start, rest.end)
}

/** Splits at blanks; quotes mean nothing. */
export function splitBlanks(rest: Rest): Text[] {
  const words: Text[] = []
  const text = rest.line.text
  let at = rest.start
  while (at < rest.end) {
    while (at < rest.end && isBlank(text[at])) at++
    const start = at
    while (at < rest.end && !isBlank(text[at])) at++
    if (at > start) words.push(rest.line.slice(start, at))
  }
  return words
}

/**
 * Splits at blanks outside quotes, for ENV, LABEL and ARG. Quotes and escapes stay in the words: expansion removes them.
 * An escape character before the end is dropped.
 */
export function splitQuoted(rest: Rest, escape: string): Text[] {
  const words: Text[] = []
  const text = rest.line.text
  let at = rest.start
  while (at < rest.end) {
    while (at < rest.end && isBlank(text[at])) at++
    if (at >= rest.end) break
    const start = at
    let quote = ''
    let end = rest.end
    while (at < rest.end) {
      const character = text[at]!
      if (quote === '' && isBlank(character)) break
      if (character === escape && quote !== "'") {
        if (at + 1 >= rest.end) {
          end = at
          at = rest.end
          break
        }
        at += 2
        continue
      }
      if (quote !== '') {
        if (character === quote) quote = ''
      } else if (character === '"' || character === "'") {
        quote = character
      }
      at++
    }
    end = Math.min(end, at)
    if (end > start) words.push(rest.line.slice(start, end))
  }
  return words
}

/** Splits a word at its first `=`; without one, `value` is missing. */
export function splitPair(word: Text, line: LogicalLine): { readonly name: Text; readonly value?: Text } {
  const equals = word.text.indexOf('=')
  if (equals === -1) return { name: word }
  const source = line.source
  const { start, end } = word.range
  // A word may be spread over continued lines, where offsets in the text and in the file differ; the whole word is
  // then the place of both halves.
  const whole = end.offset - start.offset === word.text.length
  const middle = start.offset + equals
  return {
    name: { text: word.text.slice(0, equals), range: whole ? source.range(start.offset, middle) : word.range },
    value: { text: word.text.slice(equals + 1), range: whole ? source.range(middle + 1, end.offset) : word.range },
  }
}

/** The result of trying the exec form: its words, a reason why it is not allowed, or nothing (then it is the shell form). */
export type JsonForm =
  | { readonly kind: 'words'; readonly words: readonly Text[] }
  | { readonly kind: 'not-strings' }
  | undefined

/** Reads a JSON array of strings. Text that is not a valid JSON array is no error: it is the shell form. */
export function readJsonForm(rest: Rest): JsonForm {
  const { text } = restText(rest)
  if (!text.trimStart().startsWith('[')) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!Array.isArray(value)) return undefined
  if (!value.every((word) => typeof word === 'string')) return { kind: 'not-strings' }
  // The array is valid and flat, so its string literals can be found by their quotes alone.
  let at = 0
  const words = value.map((word: string): Text => {
    const start = text.indexOf('"', at)
    for (at = start + 1; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++
    at++
    return { text: word, range: rest.line.range(rest.start + start, rest.start + at) }
  })
  return { kind: 'words', words }
}
