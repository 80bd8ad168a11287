import { join } from 'node:path'
import { createClient } from '@gantry/client'
import { siteOf } from '@gantry/linux'
import { BenchError } from '../bench-error.ts'
import { outputOf, timeCommand } from '../command.ts'
import { withSocket, type EngineWithSocket } from '../peers/engine.ts'
import { measure, type Row, type Side } from '../row.ts'
import { timed } from '../timed.ts'
import type { World } from '../world.ts'

/** How long a further process takes in a container that runs: by command line, by API, and by the bare runtime in Gantry's own. */
export async function execSuite(world: World): Promise<Row[]> {
  const { engines, gantry, image, runs, onRound } = world
  await using held = new AsyncDisposableStack()
  const ids = new Map<string, string>()
  for (const { name, command, env } of engines) {
    const id = await outputOf([...command, 'run', '--detach', image, 'sleep', '86400'], { env })
    held.defer(async () => void (await outputOf([...command, 'rm', '--force', id], { env })))
    ids.set(name, id)
  }
  const idOf = (name: string): string => ids.get(name) ?? ''
  const common = { suite: 'exec', runs, onRound }
  const byCommand = engines.map(({ name, command, env }): Side => {
    const words = [...command, 'exec', idOf(name), 'true']
    return { name, run: () => timeCommand(words, { env }) }
  })
  const byApi = withSocket(engines).map((engine): Side => ({
    name: engine.name,
    run: () => execOverApi(engine, idOf(engine.name)),
  }))
  const state = join(siteOf(process.env, { root: gantry.root }).run, 'oci')
  const bare = ['runc', '--root', state, 'exec', idOf('gantry'), 'true']
  return [
    await measure(byCommand, { ...common, title: 'exec true', goals: [{ against: 'docker', atMost: 1.2 }] }),
    await measure([...byApi, { name: 'runc', run: () => timeCommand(bare) }], {
      ...common,
      title: 'API exec create, start, inspect',
      goals: [{ against: 'runc', atMost: 1.8 }],
    }),
  ]
}

async function execOverApi({ name, socket }: EngineWithSocket, id: string): Promise<number> {
  using client = createClient({ socket })
  await client.ping()
  return timed(async () => {
    const exec = await client.exec.create(id, { Cmd: ['true'], AttachStdout: true, AttachStderr: true })
    const { output } = await client.exec.start(exec)
    for await (const chunk of output) void chunk
    const { ExitCode } = await client.exec.inspect(exec)
    if (ExitCode !== 0) throw new BenchError('COMMAND_FAILED', `exec in ${name} ended with exit code ${ExitCode}`)
  })
}
