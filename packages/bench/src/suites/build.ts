import { appendFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { peakMemory, timeCommand } from '../command.ts'
import type { Engine } from '../peers/engine.ts'
import { measure, type Row, type Side } from '../row.ts'
import type { World } from '../world.ts'
import { writeContext } from './build-context.ts'

const tag = 'localhost/bench-build'

/** A build of two stages: without cache, with everything cached, and with one file changed; and the memory it takes. */
export async function buildSuite(world: World): Promise<Row[]> {
  const runs = Math.max(3, Math.ceil(world.runs / 3))
  const contexts = new Map(world.engines.map(({ name }) => [name, join(world.work, `context-${name}`)]))
  for (const context of contexts.values()) await writeContext(context, world.image)
  const contextOf = (engine: Engine): string => contexts.get(engine.name) ?? ''
  const words = (engine: Engine, ...options: string[]): string[] => [
    ...engine.buildCommand,
    'build',
    ...(engine.name === 'podman' ? ['--layers'] : []),
    ...options,
    '--tag',
    tag,
    contextOf(engine),
  ]
  const sides = (...options: string[]): Side[] =>
    world.engines.map((engine) => ({
      name: engine.name,
      run: () => timeCommand(words(engine, ...options), { env: engine.env }),
    }))
  const common = { suite: 'build', runs, onRound: world.onRound }
  const rows = [await measure(sides('--no-cache'), { ...common, title: 'cold (no cache)' })]
  // Fills the caches of all sides.
  for (const engine of world.engines) await timeCommand(words(engine), { env: engine.env })
  rows.push(
    await measure(sides(), {
      ...common,
      runs: world.runs,
      title: 'everything cached',
      goals: [{ against: 'docker', atMost: 0.5 }],
    }),
  )
  const changed = world.engines.map((engine): Side => ({
    name: engine.name,
    before: (round) => appendFile(join(contextOf(engine), 'source/file-07.txt'), `change ${round}\n`),
    run: () => timeCommand(words(engine), { env: engine.env }),
  }))
  rows.push(await measure(changed, { ...common, title: 'one file changed' }))
  // Apart from the times, for looking at memory costs time.
  const memory = world.engines.map((engine): Side => ({
    name: engine.name,
    run: async () =>
      (await peakMemory(words(engine, '--no-cache'), await engine.daemons(), { env: engine.env })) / 1024 / 1024,
  }))
  rows.push(
    await measure(memory, {
      ...common,
      runs: 3,
      warmUp: 0,
      unit: 'MiB',
      title: 'peak memory of a cold build, daemons included',
    }),
  )
  for (const context of contexts.values()) await rm(context, { recursive: true, force: true })
  return rows
}
