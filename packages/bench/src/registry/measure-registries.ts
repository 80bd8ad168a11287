import { join } from 'node:path'
import type { LoadResult } from './load-job.ts'
import type { RegistryCase } from './registry-cases.ts'
import type { RegistryServer, RegistrySide } from './registry-servers.ts'
import { runLoad } from './run-load.ts'

/** What a case came to: the rounds of each side, in the order they were done. */
export interface MeasuredCase {
  readonly title: string
  readonly concurrency: number
  readonly goal?: RegistryCase['goal']
  readonly rounds: Readonly<Record<string, readonly LoadResult[]>>
}

/** How cases are measured. */
export interface MeasureRegistriesOptions {
  readonly sides: readonly RegistrySide[]
  /** Of whom the caches fetch: one that is nobody's own, the same for all. */
  readonly upstream: RegistrySide
  readonly work: string
  readonly rounds: number
  readonly onRound?: (title: string, round: number) => void
}

/**
 * Measures a case: fresh servers of every side, which all live while it lasts, and one that works at a time. A round does all
 * steps on each side, and another side begins each round; a round before the first does not count.
 */
export async function measureCase(one: RegistryCase, options: MeasureRegistriesOptions): Promise<MeasuredCase> {
  const { sides, work, rounds } = options
  await using stack = new AsyncDisposableStack()
  const hasUpstream = one.steps.some(({ kind }) => kind === 'sync')
  const upstream = hasUpstream
    ? stack.use(await options.upstream.start({ directory: join(work, 'upstream') })).address
    : undefined
  const servers: RegistryServer[] = []
  for (const side of sides) {
    const directory = join(work, side.name)
    servers.push(stack.use(await side.start({ directory, ...(upstream === undefined ? {} : { upstream }) })))
  }
  const found = new Map(sides.map(({ name }): [string, LoadResult[]] => [name, []]))
  for (let round = -1; round < rounds; round++) {
    options.onRound?.(one.title, round)
    for (let turn = 0; turn < sides.length; turn++) {
      const at = (turn + round + 1) % sides.length
      const [side, server] = [sides[at], servers[at]]
      if (side === undefined || server === undefined) continue
      const { address, prefix } = server
      const job = { address, steps: one.steps, concurrency: Math.min(one.concurrency, one.steps.length) }
      const result = await runLoad(upstream === undefined ? job : { ...job, upstream, prefix })
      if (round >= 0) found.get(side.name)?.push(result)
    }
  }
  const { title, concurrency, goal } = one
  return { title, concurrency, ...(goal === undefined ? {} : { goal }), rounds: Object.fromEntries(found) }
}
