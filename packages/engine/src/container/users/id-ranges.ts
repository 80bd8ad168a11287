import type { IdRange } from '@gantry/linux'
import { EngineError } from '../../engine-error.ts'

/** One more than the highest id: the last 32-bit number means "none". */
export const idLimit = 4_294_967_295

/** Ids that follow one another. */
export interface IdBlock {
  readonly start: number
  readonly size: number
}

/** The ranges of `--uidmap` and `--gidmap`: `container:host` and `container:host:amount`, separated by commas too. @throws EngineError SPEC_INVALID */
export function parseIdRanges(texts: readonly string[], flag: string): readonly IdRange[] {
  const ranges = texts.flatMap((text) => text.split(',')).map((text) => parseRange(text, flag))
  for (const side of ['inside', 'outside'] as const) {
    const sorted = ranges.toSorted((a, b) => a[side] - b[side])
    for (const [index, range] of sorted.entries()) {
      const next = sorted[index + 1]
      if (next !== undefined && range[side] + range.size > next[side])
        throw invalid(
          `${flag}: id ${String(next[side])} of the ${side === 'inside' ? 'container' : 'host'} is mapped twice`,
        )
    }
  }
  return ranges
}

function parseRange(text: string, flag: string): IdRange {
  // An @ says that an id is the host's own, which it is anyway where the one who maps is root.
  const [, flags = '', inside, outside, amount = '1'] = /^(\+?[ug]*\+?)(\d+):@?(\d+)(?::(\d+))?$/.exec(text) ?? []
  if (inside === undefined || outside === undefined)
    throw invalid(`${flag}: "${text}" is not of the form container:host:amount`)
  if (flags !== '')
    throw invalid(
      `${flag}: "${flags}" before a map extends the map of an ordinary user; there is none to extend here, so give the whole map`,
    )
  const range = { inside: Number(inside), outside: Number(outside), size: Number(amount) }
  if (range.size < 1 || range.inside + range.size > idLimit || range.outside + range.size > idLimit)
    throw invalid(`${flag}: "${text}" leaves the ids that there are (0 to ${String(idLimit - 1)})`)
  return range
}

/** Whether ids of a side of a map overlap with a block. */
export function overlaps(one: IdBlock, other: IdBlock): boolean {
  return one.start < other.start + other.size && other.start < one.start + one.size
}

/** The ids of a number from 0 on that no range has, in order. */
export function gapsBelow(size: number, ranges: readonly IdRange[]): readonly IdBlock[] {
  const gaps: IdBlock[] = []
  let next = 0
  for (const { inside, size: length } of ranges.toSorted((a, b) => a.inside - b.inside)) {
    if (inside > next) gaps.push({ start: next, size: Math.min(inside, size) - next })
    next = Math.max(next, inside + length)
    if (next >= size) break
  }
  if (next < size) gaps.push({ start: next, size: size - next })
  return gaps.filter((gap) => gap.size > 0)
}

/** Lays blocks of ids inside onto blocks outside, in order, as far as both reach. */
export function lay(inside: readonly IdBlock[], outside: readonly IdBlock[]): readonly IdRange[] {
  const ranges: IdRange[] = []
  const below = inside.map((block) => ({ ...block }))
  const above = outside.map((block) => ({ ...block }))
  for (;;) {
    const [from] = below
    const [to] = above
    if (from === undefined || to === undefined) return ranges
    const size = Math.min(from.size, to.size)
    ranges.push({ inside: from.start, outside: to.start, size })
    for (const [list, block] of [
      [below, from],
      [above, to],
    ] as const) {
      if (block.size === size) list.shift()
      else list[0] = { start: block.start + size, size: block.size - size }
    }
  }
}

/** An error for a map that cannot be. */
export function invalid(message: string, hint?: string): EngineError {
  return new EngineError('SPEC_INVALID', message, hint === undefined ? {} : { hint })
}
