import { appendFile, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { which } from '@gantry/process'
import { outputOf, peakMemory, timeCommand } from '../command.ts'
import { loadImage } from '../load-image.ts'
import { type Goal, measure, type Row, type Side } from '../row.ts'
import type { World } from '../world.ts'
import { writeContext, writeManyFiles } from './build-context.ts'

const base = 'localhost/debian'
const tag = 'localhost/bench-build'
const manyFiles = 100_000

/** Who builds. */
interface Builder {
  readonly name: string
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Processes that do the work, beside the command's own. */
  readonly daemons: () => Promise<number[]>
}

/**
 * A Dockerfile on Debian with two RUNs, 3,000 small files and one of 200 MB: without cache, with everything cached, with one small file
 * changed, and the memory it takes; then a context of 100,000 files of which none has changed.
 */
export async function buildSuite(world: World): Promise<Row[]> {
  const { gantry, engines, work } = world
  if ((await outputOf([...gantry.command, 'images', '--quiet', base], { env: gantry.env })) === '') {
    await outputOf([...gantry.command, 'base', 'build', 'debian'], { env: gantry.env })
  }
  await loadImage(base, { from: gantry, into: engines.filter(({ name }) => name !== 'gantry'), work })
  const builders = buildersOf(world)
  return [...(await dockerfileRows(world, builders)), ...(await manyFilesRows(world, builders))]
}

/** Podman builds with buildah, which is asked itself where it is installed: over the same storage. */
function buildersOf({ engines }: World): readonly Builder[] {
  return engines.map((engine) => {
    const { name, buildCommand, env } = engine
    const daemons = (): Promise<number[]> => engine.daemons()
    // Gantry builds in the process of the command: its daemon has no part in it.
    if (name === 'gantry') return { name, words: [...buildCommand, 'build'], env, daemons: async () => [] }
    if (name === 'docker') return { name, words: [...buildCommand, 'build'], env, daemons }
    const words = which('buildah') === undefined ? buildCommand : ['buildah', ...buildCommand.slice(1)]
    return { name: 'buildah', words: [...words, 'build', '--layers'], env, daemons }
  })
}

async function dockerfileRows(world: World, builders: readonly Builder[]): Promise<Row[]> {
  const runs = Math.max(3, Math.ceil(world.runs / 5))
  const context = ({ name }: Builder): string => join(world.work, `context-${name}`)
  for (const builder of builders) await writeContext(context(builder), base)
  const words = (builder: Builder, ...options: string[]): string[] => [
    ...builder.words,
    ...options,
    '--tag',
    tag,
    context(builder),
  ]
  const sides = (...options: string[]): Side[] =>
    builders.map((builder) => ({
      name: builder.name,
      run: () => timeCommand(words(builder, ...options), { env: builder.env }),
    }))
  const goals = (docker: number): Goal[] => [
    { against: 'docker', atMost: docker },
    { against: 'buildah', atMost: 0.5 },
  ]
  const common = { suite: 'build', runs, onRound: world.onRound }
  const rows = [await measure(sides('--no-cache'), { ...common, title: 'cold (no cache)', goals: goals(0.9) })]
  // Fills the caches of all sides.
  for (const builder of builders) await timeCommand(words(builder), { env: builder.env })
  rows.push(await measure(sides(), { ...common, runs: world.runs, title: 'everything cached', goals: goals(0.4) }))
  const changed = builders.map((builder): Side => ({
    name: builder.name,
    before: (round) => appendFile(join(context(builder), 'packages/package-7/file-7.js'), `change ${round}\n`),
    run: () => timeCommand(words(builder), { env: builder.env }),
  }))
  rows.push(await measure(changed, { ...common, title: 'one small file changed', goals: goals(0.6) }))
  // Apart from the times, for looking at memory costs time.
  const memory = builders.map((builder): Side => ({
    name: builder.name,
    run: async () =>
      (await peakMemory(words(builder, '--no-cache'), await builder.daemons(), { env: builder.env })) / 1024 / 1024,
  }))
  const title = 'peak memory of a cold build, daemons that take part included'
  rows.push(await measure(memory, { ...common, runs: 2, warmUp: 0, unit: 'MiB', title, goals: [{ atMost: 300 }] }))
  for (const builder of builders) await rm(context(builder), { recursive: true, force: true })
  return rows
}

async function manyFilesRows(world: World, builders: readonly Builder[]): Promise<Row[]> {
  const context = join(world.work, 'context-many')
  await mkdir(context, { recursive: true })
  await writeManyFiles(context, manyFiles)
  const sides = builders.map(({ name, words, env }): Side => ({
    name,
    run: () => timeCommand([...words, '--tag', `${tag}-many`, context], { env }),
  }))
  const row = await measure(sides, {
    suite: 'build',
    title: `a context of ${manyFiles.toLocaleString('en')} files, none changed`,
    runs: 3,
    onRound: world.onRound,
    goals: [{ atMost: 1500 }],
  })
  await rm(context, { recursive: true, force: true })
  return [row]
}
