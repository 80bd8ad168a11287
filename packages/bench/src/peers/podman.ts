import { join } from 'node:path'
import { run, runStatus, which } from '@gantry/process'
import { allProcesses } from '../process-tree.ts'
import type { Engine } from './engine.ts'

/** Podman with storage of its own, if it is installed. It has no daemon; buildah builds for it. Disposing of it unmounts that. */
export async function findPodman(work: string): Promise<(Engine & AsyncDisposable) | undefined> {
  if (which('podman') === undefined) return undefined
  const root = join(work, 'podman')
  const command = ['podman', '--root', root, '--runroot', join(work, 'podman-run')]
  const { stdout } = await run('podman', ['--version'])
  return {
    name: 'podman',
    version: stdout.trim().split(' ').at(-1) ?? 'unknown',
    notComparable: 'its default capabilities are fewer than Docker’s',
    command,
    buildCommand: command,
    env: {},
    monitors: async () =>
      (await allProcesses())
        .filter(({ name, commandLine }) => name === 'conmon' && commandLine.includes(root))
        .map(({ pid }) => pid),
    daemons: async () => [],
    // Podman binds its storage onto itself, and leaves that so.
    async [Symbol.asyncDispose]() {
      await runStatus('umount', [join(root, 'overlay')])
    },
  }
}
