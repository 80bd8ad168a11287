import { createClient } from '@gantry/client'
import { outputOf } from '../command.ts'
import { withSocket, type EngineWithSocket } from '../peers/engine.ts'
import { measure, type Row, type Side } from '../row.ts'
import { timed } from '../timed.ts'
import type { World } from '../world.ts'
import { removeAll } from './staying.ts'

const count = 100

/** How long it takes until a hundred containers run that are all started at once, with a network: over the API and by command line. */
export async function parallelSuite(world: World): Promise<Row[]> {
  const { engines, image } = world
  const common = { suite: 'parallel', runs: Math.max(2, Math.ceil(world.runs / 5)), warmUp: 0, unit: 's' } as const
  const goals = [{ against: 'docker', atMost: 0.3 }]
  const side = (engine: EngineWithSocket, startOne: () => Promise<string>): Side => ({
    name: engine.name,
    run: () => startAll(engine, startOne),
  })
  const byApi = withSocket(engines).map((engine) => side(engine, () => startByApi(engine, image)))
  const byCommand = withSocket(engines).map((engine) => {
    const words = [...engine.command, 'run', '--detach', image, 'sleep', '86400']
    return side(engine, () => outputOf(words, { env: engine.env }))
  })
  const { onRound } = world
  return [
    await measure(byApi, { ...common, onRound, goals, title: `API create and start, ${count} at once` }),
    await measure(byCommand, { ...common, onRound, goals, title: `run -d, ${count} at once` }),
  ]
}

/** @returns seconds; removing what was started does not count */
async function startAll(engine: EngineWithSocket, startOne: () => Promise<string>): Promise<number> {
  const ids: string[] = []
  try {
    const milliseconds = await timed(async () => {
      const starts = await Promise.allSettled(Array.from({ length: count }, startOne))
      for (const start of starts) if (start.status === 'fulfilled') ids.push(start.value)
      for (const start of starts) if (start.status === 'rejected') throw start.reason
    })
    return milliseconds / 1000
  } finally {
    await removeAll(engine, ids)
  }
}

async function startByApi({ socket }: EngineWithSocket, image: string): Promise<string> {
  using client = createClient({ socket })
  const { Id } = await client.containers.create({ Image: image, Cmd: ['sleep', '86400'] })
  await client.containers.start(Id)
  return Id
}
