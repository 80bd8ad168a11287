import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { which } from '@gantry/process'
import { outputOf, peakMemory, timeCommand } from '../command.ts'
import { startRegistry, type Registry } from '../peers/registry.ts'
import type { Engine } from '../peers/engine.ts'
import { measure, type Row, type Side } from '../row.ts'
import type { World } from '../world.ts'
import { pseudoRandomBytes } from './build-context.ts'

const sizes = [24, 16, 8] as const

/**
 * Push to, and pull with unpacking from, one registry that is nobody's own (docker-registry). Everything is new to both ends each
 * time: each round has an image of layers that nobody has seen.
 */
export async function transferSuite(world: World): Promise<Row[]> {
  if (which('docker-registry') === undefined) {
    process.stderr.write('transfer: left out, docker-registry is not installed\n')
    return []
  }
  await using registry = await startRegistry(join(world.work, 'registry'))
  const runs = Math.max(3, Math.ceil(world.runs / 3))
  const common = { suite: 'transfer', runs, onRound: world.onRound }
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const push = await measure(
    world.engines.map((engine) => pushSide(world, engine, registry)),
    {
      ...common,
      title: `push, ${total} MiB in ${sizes.length} layers`,
    },
  )
  const pull = await measure(
    [...world.engines.map((engine) => pullSide(world, engine, registry)), ...umociSide(world, registry)],
    {
      ...common,
      title: `pull and unpack, ${total} MiB in ${sizes.length} layers`,
    },
  )
  const memory = await measure(
    world.engines.map((engine) => pullSide(world, engine, registry, true)),
    { ...common, runs: 3, warmUp: 0, unit: 'MiB', title: 'peak memory of a pull, daemons included' },
  )
  return [push, pull, memory]
}

let serial = 0

// An image whose layers nobody has: half of each is text, half does not compress.
async function buildFresh(world: World, engine: Engine, name: string): Promise<void> {
  const context = join(world.work, `transfer-${engine.name}`)
  await mkdir(context, { recursive: true })
  const seed = ++serial * 1000
  for (const size of sizes) {
    const half = pseudoRandomBytes(seed + size, (size * 1024 * 1024) / 2)
    await writeFile(
      join(context, `part-${size}`),
      Buffer.concat([half, Buffer.from(half.toString('hex').slice(0, half.length))]),
    )
  }
  await writeFile(
    join(context, 'Dockerfile'),
    `FROM ${world.image}\n${sizes.map((size) => `COPY part-${size} /part-${size}`).join('\n')}\n`,
  )
  const insecure = engine.name === 'podman' ? ['--layers'] : []
  await outputOf([...engine.buildCommand, 'build', ...insecure, '--tag', name, context], { env: engine.env })
  await rm(context, { recursive: true })
}

function insecureOption(engine: Engine): string[] {
  return engine.name === 'podman' ? ['--tls-verify=false'] : []
}

function pushSide(world: World, engine: Engine, registry: Registry): Side {
  let name = ''
  return {
    name: engine.name,
    async before(round) {
      name = `${registry.address}/${engine.name}-push:${round + 10}`
      await buildFresh(world, engine, name)
    },
    async run() {
      const time = await timeCommand([...engine.command, 'push', ...insecureOption(engine), name], { env: engine.env })
      await outputOf([...engine.command, 'rmi', '--force', name], { env: engine.env })
      return time
    },
  }
}

function pullSide(world: World, engine: Engine, registry: Registry, memory = false): Side {
  let name = ''
  return {
    name: engine.name,
    async before() {
      name = await freshInRegistry(world, registry)
    },
    async run() {
      // Creating a container makes sure that the layers have been unpacked, when pulling alone has not done it.
      const pull = [...engine.command, 'pull', ...insecureOption(engine), name]
      const create = [...engine.command, 'create', name, 'true']
      try {
        if (memory) return (await peakMemory(pull, await engine.daemons(), { env: engine.env })) / 1024 / 1024
        return (await timeCommand(pull, { env: engine.env })) + (await timeCommand(create, { env: engine.env }))
      } finally {
        const id = memory
          ? []
          : [
              await outputOf([...engine.command, 'ps', '--all', '--quiet', '--latest'], { env: engine.env }).catch(
                () => '',
              ),
            ]
        for (const one of id.filter(Boolean))
          await outputOf([...engine.command, 'rm', '--force', one], { env: engine.env })
        await outputOf([...engine.command, 'rmi', '--force', name], { env: engine.env })
      }
    },
  }
}

// Built and pushed by Gantry, and then forgotten by it: cold for everybody.
async function freshInRegistry(world: World, registry: Registry): Promise<string> {
  const { gantry } = world
  const name = `${registry.address}/pull:${++serial}`
  await buildFresh(world, gantry, name)
  await outputOf([...gantry.command, 'push', name], { env: gantry.env })
  await outputOf([...gantry.command, 'rmi', '--force', name], { env: gantry.env })
  return name
}

function umociSide(world: World, registry: Registry): Side[] {
  if (which('skopeo') === undefined || which('umoci') === undefined) return []
  let name = ''
  const place = join(world.work, 'umoci')
  return [
    {
      name: 'skopeo+umoci',
      async before() {
        name = await freshInRegistry(world, registry)
        await rm(place, { recursive: true, force: true })
        await mkdir(place, { recursive: true })
      },
      async run() {
        const layout = join(place, 'layout')
        const copy = ['skopeo', 'copy', '--quiet', '--src-tls-verify=false', `docker://${name}`, `oci:${layout}:image`]
        return (
          (await timeCommand(copy)) +
          (await timeCommand(['umoci', 'unpack', '--image', `${layout}:image`, join(place, 'bundle')]))
        )
      },
    },
  ]
}
