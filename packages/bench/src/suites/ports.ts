import { once } from 'node:events'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@gantry/client'
import { BenchError } from '../bench-error.ts'
import { withSocket, type EngineWithSocket } from '../peers/engine.ts'
import { measure, type Row, type Side } from '../row.ts'
import { timed } from '../timed.ts'
import type { World } from '../world.ts'
import { startStaying } from './staying.ts'

const mebibytes = 512
const chunk = Buffer.alloc(1024 * 1024)
/** Ports of the container: what is sent to one is thrown away, the other sends without end. */
const [sinkPort, sourcePort] = ['5000/tcp', '5001/tcp'] as const
const script = `nc -ll -p 5001 -e dd if=/dev/zero bs=256k & exec nc -ll -p 5000 -e dd of=/dev/null bs=256k`

type Transfer = (address: Address) => Promise<void>

interface Address {
  readonly host: string
  readonly port: number
}

/** How much goes through a published port, from the host by its own address and by 127.0.0.1, in both directions. */
export async function portsSuite(world: World): Promise<Row[]> {
  await using held = new AsyncDisposableStack()
  const published = new Map<EngineWithSocket, Published>()
  for (const engine of withSocket(world.engines)) {
    const HostConfig = { PortBindings: { [sinkPort]: [{ HostPort: '' }], [sourcePort]: [{ HostPort: '' }] } }
    const body = { Image: world.image, Cmd: ['sh', '-c', script], ExposedPorts: { [sinkPort]: {}, [sourcePort]: {} } }
    const { ids } = held.use(await startStaying(engine, { ...body, HostConfig }, { count: 1 }))
    const ports = await portsOf(engine, ids[0] ?? '')
    for (const port of [ports.sink, ports.source]) await listening({ host: hostAddress(), port })
    published.set(engine, ports)
  }
  const rows: Row[] = []
  const runs = Math.max(3, Math.ceil(world.runs / 2))
  const hosts = { 'the host’s address': hostAddress(), '127.0.0.1': '127.0.0.1' }
  for (const [name, host] of Object.entries(hosts)) {
    for (const direction of ['into', 'out of'] as const) {
      const sides = [...published].map(([engine, ports]): Side => {
        const port = direction === 'into' ? ports.sink : ports.source
        const transfer = direction === 'into' ? send : receive
        return { name: engine.name, run: () => throughput(transfer, { host, port }) }
      })
      rows.push(
        await measure(sides, {
          suite: 'ports',
          title: `${direction} the container by ${name}`,
          unit: 'MiB/s',
          runs,
          goals: [{ against: 'docker', atLeast: 0.95 }],
          onRound: world.onRound,
        }),
      )
    }
  }
  return rows
}

interface Published {
  readonly sink: number
  readonly source: number
}

async function portsOf({ name, socket }: EngineWithSocket, id: string): Promise<Published> {
  using client = createClient({ socket })
  const { Ports } = (await client.containers.inspect(id)).NetworkSettings
  const of = (port: string): number => Number(Ports[port]?.[0]?.HostPort)
  const found = { sink: of(sinkPort), source: of(sourcePort) }
  if (!(found.sink > 0 && found.source > 0))
    throw new BenchError('PEER_FAILED', `Cannot find the ports that ${name} has published: ${JSON.stringify(Ports)}`)
  return found
}

/** Waits until somebody answers at a port: the programs in the container may not have come to that yet. */
async function listening(address: Address): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(address)
    const answer = await once(socket, 'connect').catch((error: unknown) => error)
    socket.destroy()
    if (!(answer instanceof Error)) return
    await sleep(50)
  }
  throw new BenchError('PEER_FAILED', `Nobody answers at ${address.host}:${address.port}`)
}

/** An address that others would use. */
function hostAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const found = all.find(({ internal, family, netmask }) => !internal && family === 'IPv4' && netmask !== '')
  return found?.address ?? '127.0.0.1'
}

async function throughput(transfer: Transfer, address: Address): Promise<number> {
  return mebibytes / ((await timed(() => transfer(address))) / 1000)
}

/** Sends, and waits until the other end has taken it all and closed. */
const send: Transfer = ({ host, port }) =>
  new Promise((resolve, reject) => {
    let left = mebibytes
    const socket = connect({ host, port })
    const fill = (): void => {
      while (left > 0) {
        left--
        if (!socket.write(chunk)) return
      }
      socket.end()
    }
    socket.on('drain', fill).on('error', reject).on('end', resolve).resume()
    socket.once('connect', fill)
  })

/** Receives until there was enough. */
const receive: Transfer = ({ host, port }) =>
  new Promise((resolve, reject) => {
    let left = mebibytes * 1024 * 1024
    const take = (bytes: number): boolean => {
      left -= bytes
      if (left > 0) return true
      socket.destroy()
      resolve()
      return false
    }
    const socket = connect({ host, port, onread: { buffer: Buffer.alloc(chunk.length), callback: take } })
    socket.on('error', reject).on('end', () => reject(new Error(`${host}:${port} ended early`)))
  })
