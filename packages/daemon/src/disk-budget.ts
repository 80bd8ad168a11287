import { listCache, pruneCache, type BuilderPorts } from '@gantry/builder'
import { EngineError, type Engine, type Images } from '@gantry/engine'

/** What a budget is kept with. */
export interface DiskBudgetParts {
  readonly engine: Pick<Engine, 'list' | 'usage' | 'remove' | 'emit'>
  readonly content: Pick<Images, 'usage' | 'prune' | 'dropUnpacked'>
  readonly builderPorts: Pick<BuilderPorts, 'state' | 'store' | 'site' | 'snapshots'>
  readonly log: (message: string) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** A budget of bytes on the disk. */
export interface DiskBudget {
  readonly bytes: number
  /** What was used, or ended, within so many milliseconds stays. Default: an hour. */
  readonly idle?: number
}

/** What one round has come to, in bytes. */
export interface BudgetRound {
  /** What counts against the budget, before and after. */
  readonly before: number
  readonly after: number
}

const hour = 3_600_000

/**
 * Keeps what can be had again, and what was left over, under a budget: content that nothing leads to, layers that are unpacked beside
 * their blobs, the build cache, and containers that have ended. They go in this order, the longest unused first, and no further than
 * the budget asks. Volumes, images with names, what runs, what has a restart policy and what was never started are not touched. What
 * goes is logged, and told as a `prune` event.
 */
export async function keepBudget(
  parts: DiskBudgetParts,
  { bytes: budget, idle = hour }: DiskBudget,
): Promise<BudgetRound> {
  const { content, builderPorts } = parts
  const usage = await content.usage()
  const cache = cacheBytes(await listCache(builderPorts))
  const ended = await leftovers(parts, idle)
  const before =
    usage.other.reclaimable + usage.twice.reclaimable + cache + ended.reduce((sum, { bytes }) => sum + bytes, 0)
  let left = before
  const freed = (what: 'image' | 'builder' | 'container', bytes: number, sentence: string): void => {
    left -= bytes
    if (bytes === 0) return
    parts.log(`disk budget of ${String(budget)} bytes: ${sentence}, ${String(bytes)} bytes`)
    parts.engine.emit({
      type: what === 'builder' ? 'daemon' : what,
      action: 'prune',
      subject: '',
      attributes: { reclaimed: String(bytes), reason: 'disk budget', what },
    })
  }
  if (left > budget) freed('image', (await content.prune()).bytes, 'removed what nothing leads to')
  if (left > budget)
    freed(
      'image',
      (await content.dropUnpacked({ unusedFor: idle })).bytes,
      'removed unpacked layers that no container needs',
    )
  if (left > budget) {
    const { removed, bytes } = await pruneCache(builderPorts, {
      keepBytes: Math.max(0, cache - (left - budget)),
      unusedFor: idle,
    })
    freed('builder', bytes, `removed ${String(removed.length)} entries of the build cache`)
  }
  for (const { id, name, bytes } of ended) {
    if (left <= budget) break
    if (await removed(parts.engine, id)) freed('container', bytes, `removed container ${name}, which has ended`)
  }
  return { before, after: left }
}

function cacheBytes(entries: Awaited<ReturnType<typeof listCache>>): number {
  return entries.reduce((sum, { shared, size }) => sum + (shared ? 0 : size), 0)
}

/** Containers that have ended by themselves for so long and that nobody wants to have started again; the one that ended first, first. */
async function leftovers(
  { engine, now }: Pick<DiskBudgetParts, 'engine' | 'now'>,
  idle: number,
): Promise<readonly { id: string; name: string; bytes: number }[]> {
  const old = engine
    .list({ all: true })
    .filter(({ status, spec, progress }) => {
      const { finishedAt = Number.POSITIVE_INFINITY } = progress
      return (status === 'exited' || status === 'dead') && spec.restart.name === 'no' && finishedAt <= now() - idle
    })
    .toSorted((a, b) => (a.progress.finishedAt ?? 0) - (b.progress.finishedAt ?? 0))
  return Promise.all(old.map(async ({ id, name }) => ({ id, name, bytes: await engine.usage(id).catch(() => 0) })))
}

async function removed(engine: Pick<Engine, 'remove'>, id: string): Promise<boolean> {
  try {
    await engine.remove(id)
    return true
  } catch (error) {
    // Somebody has started it, or removed it.
    if (error instanceof EngineError) return false
    throw error
  }
}
