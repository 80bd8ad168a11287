import { setTimeout as sleep } from 'node:timers/promises'
import { withSocket } from '../peers/engine.ts'
import { pssOfAll } from '../process-tree.ts'
import { processorTime } from '../processor-time.ts'
import type { Row } from '../row.ts'
import type { World } from '../world.ts'
import { startStaying } from './staying.ts'

/** Milliseconds until what starting has left behind is cleared away, and over which is looked then. */
const settled = 10_000
const watched = 30_000

/** What the daemons take of a core and of memory while containers run and nobody asks for anything; all engines' at the same time. */
export async function idleSuite({ engines, image, containers, onRound, signal }: World): Promise<Row[]> {
  await using held = new AsyncDisposableStack()
  const sides = withSocket(engines)
  for (const engine of sides) {
    const body = { Image: image, Cmd: ['sleep', '86400'] }
    const title = `containers of ${engine.name}`
    const onContainer = (count: number): void => onRound(title, count)
    held.use(await startStaying(engine, body, { count: containers, onContainer }))
  }
  onRound('idle', 0)
  await sleep(settled, undefined, { signal })
  const daemons = new Map<string, readonly number[]>()
  for (const engine of sides) daemons.set(engine.name, await engine.daemons())
  const each = async (what: (pids: readonly number[]) => Promise<number>): Promise<Record<string, number[]>> => {
    const values: Record<string, number[]> = {}
    for (const [name, pids] of daemons) values[name] = [await what(pids)]
    return values
  }
  const before = await each(processorTime)
  await sleep(watched, undefined, { signal })
  const after = await each(processorTime)
  const shares = Object.fromEntries(
    Object.entries(after).map(([name, [time = 0]]) => [name, [((time - (before[name]?.[0] ?? 0)) / watched) * 100]]),
  )
  const memory = await each(async (pids) => (await pssOfAll(pids)) / 1024 / 1024)
  const suite = `idle, ${containers} containers`
  return [
    { suite, title: 'daemons, of a core', unit: '%', samples: shares, goals: [{ atMost: 0.2 }] },
    { suite, title: 'memory (PSS) of the daemons', unit: 'MiB', samples: memory, goals: [{ atMost: 100 }] },
  ]
}
