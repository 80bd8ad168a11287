import { DockerfileError, type DockerfileErrorCode } from './error.ts'
import type { Position, Range } from './range.ts'

/** One line as it stands in the file: without its line ending, with where it starts and where the next one does. */
export interface PhysicalLine {
  readonly text: string
  readonly start: number
  readonly next: number
}

/** The text of one file, its lines, and how to point into it. */
export class Source {
  readonly file: string
  readonly text: string
  readonly lines: readonly PhysicalLine[]

  constructor(file: string, text: string) {
    this.file = file
    this.text = text
    this.lines = splitLines(text)
  }

  position(offset: number): Position {
    let low = 0
    let high = this.lines.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.lines[middle]!.start <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - (this.lines[low]?.start ?? 0) + 1, offset }
  }

  range(start: number, end: number): Range {
    return { start: this.position(start), end: this.position(Math.max(start, end)) }
  }

  fail(code: DockerfileErrorCode, message: string, range: Range, hint?: string): never {
    throw new DockerfileError(code, message, { file: this.file, range, hint })
  }
}

function splitLines(text: string): PhysicalLine[] {
  const lines: PhysicalLine[] = []
  // A byte order mark is no text, but offsets still count it.
  let start = text.startsWith('\uFEFF') ? 1 : 0
  while (start < text.length) {
    const newline = text.indexOf('\n', start)
    const end = newline === -1 ? text.length : newline
    const next = newline === -1 ? text.length : newline + 1
    let trimmed = end
    while (trimmed > start && text[trimmed - 1] === '\r') trimmed--
    lines.push({ text: text.slice(start, trimmed), start, next })
    start = next
  }
  return lines
}
