import { createClient } from '@gantry/client'
import { timeCommand } from '../command.ts'
import { measure, type Row, type Side } from '../row.ts'
import type { World } from '../world.ts'
import { bareBundle } from './bare-bundle.ts'

/** How long a container takes that does nothing: by command line and by API, with and without network, and the bare runtime. */
export async function startSuite(world: World): Promise<Row[]> {
  const rows: Row[] = []
  const common = { suite: 'start', runs: world.runs, onRound: world.onRound }
  for (const network of ['bridge', 'none'] as const) {
    const name = network === 'none' ? 'without network' : 'with network'
    const sides = world.engines.map((engine): Side => {
      const words = [
        ...engine.command,
        'run',
        '--rm',
        ...(network === 'none' ? ['--network', 'none'] : []),
        world.image,
        'true',
      ]
      return { name: engine.name, run: () => timeCommand(words, { env: engine.env }) }
    })
    rows.push(
      await measure(sides, { ...common, title: `run --rm, ${name}`, goals: [{ against: 'docker', atMost: 0.4 }] }),
    )
  }
  await using bare = await bareBundle(world)
  for (const network of ['bridge', 'none'] as const) {
    const sides = world.engines.flatMap((engine): Side[] =>
      engine.socket === undefined
        ? []
        : [{ name: engine.name, run: () => overApi(engine.socket ?? '', world.image, network) }],
    )
    const runc: Side = { name: 'runc', run: () => timeCommand(bare.command) }
    rows.push(
      await measure([...sides, runc], {
        ...common,
        title: `API create, start, wait, remove, ${network === 'none' ? 'without network' : 'with network'}`,
        goals: [
          { against: 'docker', atMost: 0.35 },
          { against: 'runc', atMost: 3 },
        ],
      }),
    )
  }
  return rows
}

async function overApi(socket: string, image: string, network: string): Promise<number> {
  using client = createClient({ socket })
  await client.ping()
  const began = performance.now()
  const { Id } = await client.containers.create({ Image: image, Cmd: ['true'], HostConfig: { NetworkMode: network } })
  const { result } = await client.containers.wait(Id, { condition: 'next-exit' })
  await client.containers.start(Id)
  const { StatusCode } = await result
  await client.containers.remove(Id)
  if (StatusCode !== 0) throw new Error(`the container of ${socket} ended with exit code ${StatusCode}`)
  return performance.now() - began
}
