import type { IdRange } from '@gantry/linux'
import { gapsBelow, idLimit, invalid, lay, overlaps, type IdBlock } from './id-ranges.ts'
import type { SubordinateIds, SubordinateRange } from './subordinate-ids.ts'

/** What `auto` is asked for. */
export interface AutoRequest {
  /** How many ids the container has. */
  readonly size: number
  /** Maps that are part of it in any case. */
  readonly uids: readonly IdRange[]
  readonly gids: readonly IdRange[]
}

/** The maps of a container. */
export interface IdMaps {
  readonly uids: readonly IdRange[]
  readonly gids: readonly IdRange[]
}

/** Whose lines in /etc/subuid and /etc/subgid are for `auto`, as with Podman. */
export const poolUser = 'containers'

/** As many as images use: `nobody` is 65534. */
export const usualSize = 65_536

/** The ids for `auto` where no line says otherwise: a quarter of all, which no distribution gives to users. */
export const defaultPool: IdBlock = { start: 2_147_483_648, size: 1_073_741_824 }

/**
 * Maps for a container that overlap with those of no other: ids that nobody of `others` has. Pure.
 * @throws EngineError SPEC_INVALID when there are not so many left
 */
export function autoUsers(
  request: AutoRequest,
  {
    subordinate,
    others,
    seed = 0,
  }: {
    subordinate: Pick<SubordinateIds, 'uids' | 'gids'>
    others: readonly IdMaps[]
    /** From 0 to below 1: how far into the ids to begin to look. Those who do not know of one another rarely meet then. */
    seed?: number
  },
): IdMaps {
  return {
    uids: mapOf(request.size, request.uids, {
      file: '/etc/subuid',
      lines: subordinate.uids,
      taken: others.flatMap(({ uids }) => uids),
      seed,
    }),
    gids: mapOf(request.size, request.gids, {
      file: '/etc/subgid',
      lines: subordinate.gids,
      taken: others.flatMap(({ gids }) => gids),
      seed,
    }),
  }
}

function mapOf(
  size: number,
  forced: readonly IdRange[],
  {
    file,
    lines,
    taken,
    seed,
  }: { file: string; lines: readonly SubordinateRange[]; taken: readonly IdRange[]; seed: number },
): readonly IdRange[] {
  const gaps = gapsBelow(size, forced)
  const count = gaps.reduce((sum, gap) => sum + gap.size, 0)
  if (count === 0) return forced
  const own = lines.filter(({ name }) => name === poolUser)
  const pool = own.length > 0 ? own : [defaultPool]
  const foreign = own.length > 0 ? [] : lines
  const used = [...taken.filter((range) => !isAll(range)), ...forced].map((range) => ({
    start: range.outside,
    size: range.size,
  }))
  const blocks = [...used, ...foreign]
  const later = pool.map((part) => from(part, seed))
  const start = firstFree(later, blocks, count) ?? firstFree(pool, blocks, count)
  if (start !== undefined) return [...forced, ...lay(gaps, [{ start, size: count }])]
  throw invalid(
    `Cannot give the container ${String(count)} ids of its own: ${file} has not so many left for "${poolUser}"`,
    `ask for fewer (--userns auto:size=N), remove containers, or give "${poolUser}" more in ${file}: ${poolUser}:${String(defaultPool.start)}:${String(defaultPool.size)}`,
  )
}

/** The map of who keeps all ids of the host, as root does with `keep-id`: it takes none from others. */
function isAll({ inside, outside, size }: IdRange): boolean {
  return inside === 0 && outside === 0 && size === idLimit
}

/** The rest of a part of the pool, from a multiple of the usual size on. */
function from({ start, size }: IdBlock, seed: number): IdBlock {
  const skipped = Math.floor((seed * size) / usualSize) * usualSize
  return { start: start + skipped, size: size - skipped }
}

/** Where so many ids in a row are in a pool that no block has. */
function firstFree(pool: readonly IdBlock[], blocks: readonly IdBlock[], count: number): number | undefined {
  for (const part of pool) {
    const end = part.start + part.size
    const used = blocks.filter((block) => overlaps(block, part)).toSorted((a, b) => a.start - b.start)
    let { start } = part
    for (const block of used) {
      if (block.start >= start + count) break
      start = Math.max(start, block.start + block.size)
    }
    if (start + count <= end) return start
  }
  return undefined
}
