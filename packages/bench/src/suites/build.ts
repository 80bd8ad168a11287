import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { which } from '@gantry/process'
import { outputOf, peakMemory, timeCommand } from '../command.ts'
import { loadImage } from '../load-image.ts'
import { type Goal, measure, type Row, type Side } from '../row.ts'
import type { World } from '../world.ts'
import { writeContext, writeLarge, writeManyFiles } from './build-context.ts'

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
 * A Dockerfile on Debian with two RUNs, 3,000 small files and one of 200 MB: without cache and with content that is new, with everything
 * cached, with one small file changed, and the memory it takes; then a context of 100,000 files, built first and when none has changed.
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
  const build = (builder: Builder): Promise<number> => timeCommand(words(builder), { env: builder.env })
  const goals = (docker: number): Goal[] => [
    { against: 'docker', atMost: docker },
    { against: 'buildah', atMost: 0.5 },
  ]
  const common = { suite: 'build', onRound: world.onRound, warmUp: 0 }
  // The base is unpacked by all sides, once and for all.
  for (const builder of builders) await buildBase(world, builder)
  // Each round has a large file that no side has ever seen: neither what is made of it nor what is unpacked is there already.
  const unseen = async (builder: Builder): Promise<void> =>
    writeLarge(context(builder), Math.trunc(performance.timeOrigin + performance.now()))
  const cold = builders.map((builder): Side => ({
    name: builder.name,
    before: () => unseen(builder),
    run: () => timeCommand(words(builder, '--no-cache'), { env: builder.env }),
  }))
  const rows = [await measure(cold, { ...common, runs, title: 'cold (no cache, new content)', goals: goals(0.9) })]
  // Fills the caches of all sides.
  for (const builder of builders) await build(builder)
  const cached = builders.map((builder): Side => ({ name: builder.name, run: () => build(builder) }))
  const cachedRuns = Math.max(5, Math.ceil(world.runs / 2))
  rows.push(
    await measure(cached, { ...common, runs: cachedRuns, warmUp: 1, title: 'everything cached', goals: goals(0.4) }),
  )
  const changed = builders.map((builder): Side => ({
    name: builder.name,
    before: (round) => appendFile(join(context(builder), 'packages/package-7/file-7.js'), `change ${round}\n`),
    run: () => build(builder),
  }))
  rows.push(await measure(changed, { ...common, runs, title: 'one small file changed', goals: goals(0.6) }))
  // Apart from the times, for looking at memory costs time.
  const memory = builders.map((builder): Side => ({
    name: builder.name,
    before: () => unseen(builder),
    run: async () =>
      (await peakMemory(words(builder, '--no-cache'), await builder.daemons(), { env: builder.env })) / 1024 / 1024,
  }))
  const title = 'peak memory of a cold build, daemons that take part included'
  rows.push(await measure(memory, { ...common, runs: 1, unit: 'MiB', title, goals: [{ atMost: 300 }] }))
  for (const builder of builders) await rm(context(builder), { recursive: true, force: true })
  return rows
}

async function buildBase({ work }: World, { words, env }: Builder): Promise<void> {
  const context = join(work, 'context-base')
  await mkdir(context, { recursive: true })
  await writeFile(join(context, 'Dockerfile'), `FROM ${base}\nRUN true\n`)
  await timeCommand([...words, '--tag', `${tag}-base`, context], { env })
  await rm(context, { recursive: true })
}

/** Buildah has no bar here, and takes a minute for each round. */
async function manyFilesRows(world: World, builders: readonly Builder[]): Promise<Row[]> {
  const context = join(world.work, 'context-many')
  await mkdir(context, { recursive: true })
  // Files that nobody has seen: the root is kept between runs.
  await writeManyFiles(context, manyFiles, new Date().toISOString())
  const few = builders.filter(({ name }) => name !== 'buildah')
  const words = (builder: Builder): string[] => [...builder.words, '--tag', `${tag}-many`, context]
  const common = { suite: 'build', onRound: world.onRound, warmUp: 0 }
  const files = `a context of ${manyFiles.toLocaleString('en')} files`
  // The first build can be had once only: its time would be that of a machine looked at, so its memory is what is told.
  const first = few.map((builder): Side => ({
    name: builder.name,
    run: async () => (await peakMemory(words(builder), await builder.daemons(), { env: builder.env })) / 1024 / 1024,
  }))
  const title = `peak memory of the first build of ${files}`
  const rows = [await measure(first, { ...common, title, unit: 'MiB', runs: 1, goals: [{ atMost: 300 }] })]
  const sides = few.map((builder): Side => ({
    name: builder.name,
    run: () => timeCommand(words(builder), { env: builder.env }),
  }))
  rows.push(await measure(sides, { ...common, title: `${files}, none changed`, runs: 3, goals: [{ atMost: 1500 }] }))
  await rm(context, { recursive: true, force: true })
  return rows
}
