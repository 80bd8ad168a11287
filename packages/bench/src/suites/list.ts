import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type Client } from '@gantry/client'
import { BenchError } from '../bench-error.ts'
import { timeCommand } from '../command.ts'
import { inLanes } from '../in-lanes.ts'
import { withSocket, type EngineWithSocket } from '../peers/engine.ts'
import { processorTime } from '../processor-time.ts'
import { measure, type Row } from '../row.ts'
import { timed } from '../timed.ts'
import type { World } from '../world.ts'
import { manyImages, manyImagesLabel } from './many-images.ts'
import { removeAll } from './staying.ts'

const count = 1000
const lanes = 8
/** Polls, one a second, over which a daemon's use of the processor is counted. */
const polls = 20

interface Listing {
  readonly title: string
  /** @throws BenchError COMMAND_FAILED when not all are listed */
  readonly ask: (client: Client) => Promise<void>
  readonly command: readonly string[]
}

const listings: readonly Listing[] = [
  {
    title: `${count} containers`,
    ask: async (client) => check((await client.containers.list({ all: true })).length),
    command: ['ps', '--all'],
  },
  {
    title: `${count} images`,
    ask: async (client) => check((await client.images.list()).length),
    command: ['images'],
  },
]

/** How long it takes to list a thousand containers, or images, and what being asked once a second takes of a core. */
export async function listSuite(world: World): Promise<Row[]> {
  await using held = new AsyncDisposableStack()
  const engines = withSocket(world.engines)
  for (const engine of engines) held.use(await fill(engine, world))
  const asked = engines.map(({ name, socket }) => ({ name, client: held.use(createClient({ socket })) }))
  const { runs, onRound } = world
  const rows: Row[] = []
  for (const { title, ask, command } of listings) {
    const byApi = asked.map(({ name, client }) => ({ name, run: () => timed(() => ask(client)) }))
    const goals = [{ atMost: 20 }]
    rows.push(await measure(byApi, { suite: 'list', title: `API, ${title}`, runs, onRound, goals, warmUp: 2 }))
    const byCommand = engines.map((engine) => {
      const words = [...engine.command, ...command]
      return { name: engine.name, run: () => timeCommand(words, { env: engine.env }) }
    })
    rows.push(await measure(byCommand, { suite: 'list', title: `${command.join(' ')}, ${title}`, runs, onRound }))
    const samples = await sharesOfCore(engines, () => {
      onRound(`polling ${title}`, 0)
      return Promise.all(asked.map(({ client }) => ask(client)))
    })
    const polled = `daemons, asked for ${title} once a second, of a core`
    rows.push({ suite: 'list', title: polled, unit: '%', samples, goals: [{ atMost: 1 }] })
  }
  return rows
}

async function fill(engine: EngineWithSocket, { image, onRound }: World): Promise<AsyncDisposable> {
  const { name, socket } = engine
  using client = createClient({ socket })
  const ids: string[] = []
  const empty = async (): Promise<void> => {
    await removeAll(engine, ids)
    using last = createClient({ socket })
    await last.images.prune({ filters: { dangling: ['false'], label: [manyImagesLabel] } })
  }
  try {
    onRound(`images of ${name}`, 0)
    for await (const line of client.images.load(manyImages(count, (at) => `localhost/bench-many-${at}:latest`)))
      void line
    await inLanes(lanes, Array(count).keys(), async () => {
      ids.push((await client.containers.create({ Image: image, Cmd: ['true'] })).Id)
      onRound(`containers of ${name}`, ids.length)
    })
  } catch (error) {
    await empty()
    throw error
  }
  return { [Symbol.asyncDispose]: empty }
}

/** The shares of a core, in percent, that the daemons have while all are asked once a second. */
async function sharesOfCore(
  engines: readonly EngineWithSocket[],
  ask: () => Promise<unknown>,
): Promise<Record<string, number[]>> {
  const daemons = await Promise.all(engines.map((engine) => engine.daemons()))
  const times = (): Promise<number[]> => Promise.all(daemons.map(processorTime))
  const before = await times()
  const took = await timed(async () => {
    for (let poll = 0; poll < polls; poll++) await Promise.all([ask(), sleep(1000)])
  })
  const after = await times()
  const share = (at: number): number => (((after[at] ?? 0) - (before[at] ?? 0)) / took) * 100
  return Object.fromEntries(engines.map(({ name }, at) => [name, [share(at)]]))
}

function check(listed: number): void {
  if (listed < count) throw new BenchError('COMMAND_FAILED', `Only ${listed} of ${count} are listed`)
}
