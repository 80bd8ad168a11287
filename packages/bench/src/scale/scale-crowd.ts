import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@gantry/client'
import { BenchError } from '../bench-error.ts'
import type { GantryPeer } from '../peers/gantry.ts'
import { inLanes } from '../in-lanes.ts'
import { pssOfAll } from '../process-tree.ts'
import { processorTime } from '../processor-time.ts'
import { timed } from '../timed.ts'

/** What a crowd is measured with. */
export interface ScaleWorld {
  readonly gantry: GantryPeer
  readonly client: Client
  readonly image: string
  readonly containers: number
  readonly onRound: (title: string, round: number) => void
}

/** What a crowd of containers on one network cost. */
export interface ScaleResult {
  /** Milliseconds after the beginning at which each was running, in order. */
  readonly started: readonly number[]
  /** Bytes (PSS) of monitors and daemon while so many ran. */
  readonly memory: readonly { readonly running: number; readonly monitors: number; readonly daemon: number }[]
  /** Milliseconds in which one of them fetched a page of each of the others by name. */
  readonly asked: number
  /** Milliseconds of each listing of all of them. */
  readonly listed: readonly number[]
  /** Shares of a core that the daemon used: alone, and listing once a second. */
  readonly idle: number
  readonly polled: number
  readonly stopped: number
  readonly removed: number
}

const network = 'scale'
const lanes = 4
/** Seconds over which the daemon's use of the processor is counted. */
const watched = 30

/**
 * Starts containers on one network that each serve their name, has one of them fetch every page by name, lists them, stops them and
 * removes them. @throws BenchError COMMAND_FAILED with the names that did not answer, or whatever is left over
 */
export async function measureCrowd(world: ScaleWorld): Promise<ScaleResult> {
  const { client, gantry, containers } = world
  const names = Array.from({ length: containers }, (_, at) => `c${at}`)
  await client.networks.create({ Name: network, IPAM: { Config: [{ Subnet: '10.213.0.0/16' }] } })
  try {
    const started: number[] = []
    const memory: { running: number; monitors: number; daemon: number }[] = []
    const began = performance.now()
    await inLanes(lanes, names, async (name) => {
      await client.containers.create(serving(name, world.image), { name })
      await client.containers.start(name)
      started.push(performance.now() - began)
      world.onRound('containers started', started.length)
      if (started.length % 100 === 0 || started.length === containers)
        memory.push(await memoryOf(world, started.length))
    })
    const asked = await timed(() => askAll(world))
    const idle = await shareOfCore(gantry, () => sleep(watched * 1000))
    const listed: number[] = []
    const polled = await shareOfCore(gantry, async () => {
      for (let second = 0; second < watched; second++) {
        listed.push(await timed(() => listAll(world)))
        await sleep(1000)
      }
    })
    world.onRound('stopping', containers)
    const stopped = await timed(() => inLanes(lanes, names, (name) => client.containers.stop(name, { timeout: 10 })))
    world.onRound('removing', containers)
    const removed = await timed(() => inLanes(lanes, names, (name) => client.containers.remove(name)))
    return { started, memory, asked, listed, idle, polled, stopped, removed }
  } finally {
    for (const { Id } of await client.containers.list({ all: true, filters: { network: [network] } })) {
      await client.containers.remove(Id, { force: true })
    }
    await client.networks.remove(network)
  }
}

function serving(name: string, image: string): Parameters<Client['containers']['create']>[0] {
  const script = 'mkdir /www && hostname >/www/index.html && exec httpd -f -p 80 -h /www'
  return {
    Image: image,
    Hostname: name,
    Cmd: ['sh', '-c', script],
    // A server that is process 1 and has no handler does not hear of SIGTERM.
    StopSignal: 'SIGKILL',
    HostConfig: { NetworkMode: network },
  }
}

async function askAll({ client, containers }: ScaleWorld): Promise<void> {
  const script = `for i in $(seq 0 ${containers - 1}); do
    asked=$(wget -qO- http://c$i/ 2>&1); [ "$asked" = c$i ] || [ "$(wget -qO- http://c$i/ 2>&1)" = c$i ] || echo "c$i: $asked"
  done`
  const id = await client.exec.create('c0', { Cmd: ['sh', '-c', script], AttachStdout: true, Tty: true })
  let silent = ''
  const { output } = await client.exec.start(id, { tty: true })
  for await (const { data } of output) silent += Buffer.from(data).toString()
  if (silent.trim() === '') return
  throw new BenchError('COMMAND_FAILED', `Containers did not answer by name: ${silent.trim().split(/\s+/).join(', ')}`)
}

async function listAll({ client, containers }: ScaleWorld): Promise<void> {
  const { length } = await client.containers.list()
  if (length !== containers) throw new BenchError('COMMAND_FAILED', `${length} of ${containers} containers are listed`)
}

async function memoryOf({ gantry }: ScaleWorld, running: number): Promise<ScaleResult['memory'][number]> {
  return {
    running,
    monitors: await pssOfAll(await gantry.monitors()),
    daemon: await pssOfAll(await gantry.daemons()),
  }
}

async function shareOfCore(gantry: GantryPeer, during: () => Promise<void>): Promise<number> {
  const pids = await gantry.daemons()
  const before = await processorTime(pids)
  const took = await timed(during)
  return ((await processorTime(pids)) - before) / took
}
