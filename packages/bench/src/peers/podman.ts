import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readHost } from '@gantry/linux'
import { run, runStatus, which } from '@gantry/process'
import { allProcesses } from '../process-tree.ts'
import type { Engine } from './engine.ts'

/** Podman with storage of its own, if it is installed. It has no daemon; buildah builds for it. Disposing of it unmounts that. */
export async function findPodman(work: string): Promise<(Engine & AsyncDisposable) | undefined> {
  if (which('podman') === undefined) return undefined
  const root = join(work, 'podman')
  const command = ['podman', '--root', root, '--runroot', join(work, 'podman-run')]
  const { stdout } = await run('podman', ['--version'])
  const settings = join(work, 'containers.conf')
  await mkdir(work, { recursive: true })
  await writeFile(settings, await configuration())
  return {
    name: 'podman',
    version: stdout.trim().split(' ').at(-1) ?? 'unknown',
    notComparable: 'its default capabilities are fewer than Docker’s',
    command,
    buildCommand: command,
    env: { CONTAINERS_CONF: settings },
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

/** Where raising limits is denied, Podman has to be told not to; and crun refuses hybrid control groups, which it does not notice. */
async function configuration(): Promise<string> {
  const limits = await readFile('/proc/self/limits', 'utf8')
  const soft = (line: RegExp): string => line.exec(limits)?.[1] ?? '1024'
  const files = soft(/^Max open files +(\d+)/m)
  const processes = Math.min(1000, Number(soft(/^Max processes +(\d+)/m)))
  const { runtime } = await readHost()
  return `[containers]
default_ulimits = ["nofile=${files}:${files}", "nproc=${String(processes)}:${String(processes)}"]
[engine]
runtime = "${runtime}"
`
}
