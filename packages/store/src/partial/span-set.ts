import type { Span } from '@gantry/image'

/** Which bytes of a blob are there: spans in order that neither overlap nor touch. */
export class SpanSet {
  #spans: Span[] = []

  /** What is there, in order. */
  get spans(): readonly Span[] {
    return this.#spans
  }

  /** How many bytes are there. */
  get bytes(): number {
    return this.#spans.reduce((sum, { start, end }) => sum + end - start, 0)
  }

  /** Where the first gap begins. */
  get contiguous(): number {
    const [first] = this.#spans
    return first?.start === 0 ? first.end : 0
  }

  /** Adds a span; what was there already stays there. An empty one is nothing. */
  add(start: number, end: number): void {
    if (end <= start) return
    const before = this.#spans.filter((each) => each.end < start)
    const after = this.#spans.filter((each) => each.start > end)
    const joined = this.#spans.slice(before.length, this.#spans.length - after.length)
    const from = Math.min(start, joined[0]?.start ?? start)
    const to = Math.max(end, joined.at(-1)?.end ?? end)
    this.#spans = [...before, { start: from, end: to }, ...after]
  }

  /** The gaps before `size`, in order. */
  missing(size: number): readonly Span[] {
    const gaps: Span[] = []
    let position = 0
    for (const { start, end } of this.#spans) {
      if (start > position && position < size) gaps.push({ start: position, end: Math.min(start, size) })
      position = end
    }
    if (position < size) gaps.push({ start: position, end: size })
    return gaps
  }
}
