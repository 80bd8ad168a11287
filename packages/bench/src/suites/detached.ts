import { setTimeout as sleep } from 'node:timers/promises'
import { outputOf } from '../command.ts'
import type { Engine } from '../peers/engine.ts'
import { pssOfAll } from '../process-tree.ts'
import type { Row } from '../row.ts'
import type { World } from '../world.ts'

interface Crowd {
  /** Milliseconds of each `run --detach`. */
  readonly times: readonly number[]
  /** Bytes of a monitor, each. */
  readonly monitor: number
  /** Bytes of all daemons. */
  readonly daemons: number
}

/** Many containers that stay: how long each takes to start, and what watching over them costs in memory. */
export async function detachedSuite(world: World): Promise<Row[]> {
  const crowds = new Map<string, Crowd>()
  // One engine after the other: the memory of one must not be read while another's containers are there as well.
  for (const engine of world.engines) {
    world.onRound(`${world.containers} detached containers of ${engine.name}`, 0)
    crowds.set(engine.name, await measureCrowd(engine, world))
  }
  const row = (
    title: string,
    unit: Row['unit'],
    of: (crowd: Crowd) => readonly number[],
    goals: Row['goals'],
  ): Row => ({
    suite: 'detached',
    title,
    unit,
    samples: Object.fromEntries([...crowds].map(([name, crowd]) => [name, of(crowd)])),
    ...(goals === undefined ? {} : { goals }),
  })
  const mebibytes = (bytes: number): number => bytes / 1024 / 1024
  return [
    row(`run -d, each of ${world.containers}`, 'ms', ({ times }) => times, undefined),
    row('memory (PSS) of a monitor', 'MiB', ({ monitor }) => [mebibytes(monitor)], [
      { against: 'docker', atMost: 0.25 },
    ]),
    row(`memory (PSS) of daemons with ${world.containers} containers`, 'MiB', ({ daemons }) => [mebibytes(daemons)], [
      { atMost: 120 },
    ]),
  ]
}

async function measureCrowd(engine: Engine, { image, containers }: World): Promise<Crowd> {
  const ids: string[] = []
  const times: number[] = []
  try {
    for (let count = 0; count < containers; count++) {
      const began = performance.now()
      ids.push(await outputOf([...engine.command, 'run', '--detach', image, 'sleep', '86400'], { env: engine.env }))
      times.push(performance.now() - began)
    }
    // What starting has left behind in the heaps is given back first, on every side alike.
    await sleep(3000)
    const monitors = await engine.monitors()
    const monitor = (await pssOfAll(monitors)) / Math.max(1, containers)
    return { times, monitor, daemons: await pssOfAll(await engine.daemons()) }
  } finally {
    // One by one with a bounded line; `rm --force` of all at once is a measurement of its own.
    if (ids.length > 0) await outputOf([...engine.command, 'rm', '--force', ...ids], { env: engine.env })
  }
}
