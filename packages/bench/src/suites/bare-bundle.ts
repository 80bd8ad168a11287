import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { outputOf } from '../command.ts'
import type { World } from '../world.ts'

/** A command that runs the same bundle as Gantry does, by the runtime alone. */
export interface BareBundle extends AsyncDisposable {
  readonly command: readonly string[]
}

interface Spec {
  process: { args: string[]; terminal?: boolean }
  root: { path: string }
  hooks?: unknown
  linux: { cgroupsPath?: string; namespaces: { type: string; path?: string }[] }
}

/**
 * Takes the bundle of a container that Gantry runs and makes the runtime's own of it: the same root, mounts, seccomp profile
 * and capabilities; an empty network namespace of its own, no monitor. The container whose root it borrows runs until this is
 * disposed of.
 */
export async function bareBundle(world: World): Promise<BareBundle> {
  const { gantry, image, work } = world
  const ask = (...args: string[]): Promise<string> => outputOf([...gantry.command, ...args], { env: gantry.env })
  const id = await ask('run', '--detach', '--network', 'none', image, 'sleep', '86400')
  const directory = join(work, 'bare')
  await mkdir(directory, { recursive: true })
  const from = join(gantry.root, 'containers', id)
  const spec = JSON.parse(await readFile(join(from, 'config.json'), 'utf8')) as Spec
  spec.process = { ...spec.process, args: ['true'], terminal: false }
  spec.root.path =
    join(from, spec.root.path).startsWith(from) && !spec.root.path.startsWith('/')
      ? join(from, spec.root.path)
      : spec.root.path
  delete spec.hooks
  spec.linux.cgroupsPath = '/gantry-bench-bare'
  spec.linux.namespaces = spec.linux.namespaces.map(({ type }) => ({ type }))
  await writeFile(join(directory, 'config.json'), JSON.stringify(spec))
  return {
    command: ['runc', '--root', join(work, 'bare-state'), 'run', '--bundle', directory, 'bare'],
    async [Symbol.asyncDispose]() {
      await ask('rm', '--force', id)
      await rm(directory, { recursive: true, force: true })
    },
  }
}
