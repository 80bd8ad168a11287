import type { Range, Text } from './range.ts'
import type { Source } from './source.ts'

interface Segment {
  /** Where the segment starts in the joined text. */
  readonly at: number
  /** Where it starts in the file. */
  readonly offset: number
}

/** The text of one instruction with its continuation lines joined, which still knows where each character came from. */
export class LogicalLine {
  readonly source: Source
  #text = ''
  readonly #segments: Segment[] = []
  #end = 0

  constructor(source: Source) {
    this.source = source
  }

  get text(): string {
    return this.#text
  }

  append(text: string, offset: number): void {
    this.#segments.push({ at: this.#text.length, offset })
    this.#text += text
    this.#end = offset + text.length
  }

  /** The offset in the file of the character at `index`; the end of the text maps to the end of the last piece. */
  offset(index: number): number {
    if (index >= this.#text.length) return this.#end
    let low = 0
    let high = this.#segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#segments[middle]!.at <= index) low = middle
      else high = middle - 1
    }
    const segment = this.#segments[low]!
    return segment.offset + (index - segment.at)
  }

  range(start: number, end: number): Range {
    const first = this.offset(start)
    return this.source.range(first, end > start ? this.offset(end - 1) + 1 : first)
  }

  slice(start: number, end: number): Text {
    return { text: this.#text.slice(start, end), range: this.range(start, end) }
  }
}
