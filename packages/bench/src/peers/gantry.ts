import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { openContentWorld } from '@gantry/daemon'
import { siteOf } from '@gantry/linux'
import { outputOf } from '../command.ts'
import { allProcesses } from '../process-tree.ts'
import type { Engine } from './engine.ts'

/** Gantry with a root and a daemon of its own. Disposing of it removes its containers and networks and stops the daemon. */
export interface GantryPeer extends Engine, AsyncDisposable {
  readonly name: 'gantry'
  readonly socket: string
  readonly root: string
  /** Whether the bundle runs, or the sources. */
  readonly runs: 'bundle' | 'sources'
}

const top = resolve(import.meta.dirname, '../../../..')

/** Starts the daemon of a root that is kept between runs, with the base images in it. */
export async function startGantry(options: {
  root: string
  source: boolean
  images: readonly string[]
}): Promise<GantryPeer> {
  const { root, source } = options
  await mkdir(root, { recursive: true })
  const bundled = !source && existsSync(join(top, 'dist/cli.cjs'))
  const env = { GANTRY_ROOT: root, ...(bundled ? { GANTRY_BUNDLE: '1' } : {}) }
  const command = [join(top, 'gantry')]
  const gantry = (...args: string[]): Promise<string> => outputOf([...command, ...args], { env })
  for (const name of options.images) {
    if ((await gantry('images', '--quiet', `localhost/${name}`)) === '') await gantry('base', 'build', name)
  }
  await gantry('daemon', 'start')
  const status = JSON.parse(await gantry('daemon', 'status', '--json')) as { socket: string; pid: number }
  return {
    name: 'gantry',
    version: (await gantry('version', '--short')).replace(/^Gantry version /, ''),
    command,
    buildCommand: command,
    env,
    root,
    runs: bundled ? 'bundle' : 'sources',
    socket: status.socket,
    monitors: async () =>
      (await allProcesses())
        .filter(({ name, commandLine }) => name === 'conmon' && commandLine.includes(root))
        .map(({ pid }) => pid),
    daemons: async () => [status.pid],
    async [Symbol.asyncDispose]() {
      const all = (await gantry('ps', '--all', '--quiet', '--no-trunc')).split('\n').filter(Boolean)
      if (all.length > 0) await gantry('rm', '--force', ...all)
      await gantry('daemon', 'stop')
      await undoHost(root)
    },
  }
}

// The bridge, the firewall table and the name server stay when a daemon stops; images and unpacked layers are kept for the next run.
async function undoHost(root: string): Promise<void> {
  await using world = await openContentWorld(siteOf(process.env, { root }))
  const owners = world.ledger.owners().map(({ owner }) => owner)
  for (const prefix of ['network/', 'host']) {
    for (const owner of owners.filter((name) => name.startsWith(prefix))) await world.ledger.undo(owner)
  }
}
