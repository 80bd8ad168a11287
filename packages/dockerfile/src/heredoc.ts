import { expand, ExpansionError } from './expand.ts'
import type { Range } from './range.ts'

/** A heredoc as its introducing word says: `<<NAME`, `<<-NAME`, `3<<"NAME"`. */
export interface HeredocWord {
  readonly name: string
  readonly descriptor: number
  /** `<<-`: leading tabs do not count. */
  readonly chomp: boolean
  /** False when any part of the name was quoted. */
  readonly expand: boolean
}

/** A heredoc with the lines that belong to it, each with its line ending, tabs still there. */
export interface Heredoc extends HeredocWord {
  readonly content: string
  readonly range: Range
}

const written = /^(\d*)<<(-?)\s*([^<\s][^<]*)$/
const unset = (): undefined => undefined

/** Reads one word as a heredoc introducer; undefined when it is none. */
export function parseHeredocWord(word: string): HeredocWord | undefined {
  const match = written.exec(word)
  const rest = match?.[3]
  if (match === null || rest === undefined) return undefined
  try {
    const plain = expand(rest, unset, { escape: '\\', keepUnset: true }).words
    const raw = expand(rest, unset, { escape: '\\', keepUnset: true, keepQuotes: true, keepEscapes: true }).words
    const [name] = plain
    if (plain.length !== 1 || name === undefined) return undefined
    return { name, descriptor: Number(match[1] || 0), chomp: match[2] === '-', expand: name === raw[0] }
  } catch (error) {
    if (error instanceof ExpansionError) return undefined
    throw error
  }
}

/** All heredocs that a line introduces, in the order their bodies follow. */
export function heredocWords(line: string): HeredocWord[] {
  if (!line.includes('<<')) return []
  let words: readonly string[]
  try {
    words = expand(line, unset, { escape: '\\', keepUnset: true, keepQuotes: true, keepEscapes: true }).words
  } catch (error) {
    if (error instanceof ExpansionError) return []
    throw error
  }
  return words.flatMap((word) => parseHeredocWord(word) ?? [])
}

/** The body as the file or script it becomes: with `<<-` without the tabs that lead its lines. */
export function heredocBody(heredoc: Heredoc): string {
  return heredoc.chomp ? heredoc.content.replace(/^\t+/gm, '') : heredoc.content
}
