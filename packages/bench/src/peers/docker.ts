import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@gantry/client'
import { runStatus, which } from '@gantry/process'
import { allProcesses, childrenOf, treeOf } from '../process-tree.ts'
import { makeDockerRoot, startDockerRoot } from './docker-root.ts'
import type { Engine } from './engine.ts'

/** A Docker to compare with; of a root of its own, or the host's. */
export interface DockerPeer extends Engine, AsyncDisposable {
  readonly name: 'docker'
  readonly socket: string
  /** Where build contexts have to be for it to see them. */
  readonly shared: string
}

/** Starts the Docker of a root, which is made when it is not there. */
export async function startOwnDocker(options: {
  root: string
  work: string
  insecure: readonly string[]
}): Promise<DockerPeer> {
  await makeDockerRoot(options.root)
  const docker = await startDockerRoot(options)
  const host = ['-H', `unix://${docker.socket}`]
  const inside = [...docker.enter, 'docker', ...host]
  // The client of the host starts without entering the namespace, which is fairer to Docker; builds need the root's buildx.
  const command = which('docker') === undefined ? inside : ['docker', ...host]
  return {
    ...(await describe(docker.socket, inside)),
    command,
    buildCommand: inside,
    shared: docker.shared,
    monitors: () => shimsBelow(docker.pid),
    daemons: () => daemonTree(docker.pid),
    [Symbol.asyncDispose]: () => docker[Symbol.asyncDispose](),
  }
}

/** The Docker that runs on the host, if one does. */
export async function findHostDocker(work: string): Promise<DockerPeer | undefined> {
  const socket = '/var/run/docker.sock'
  const pid = Number(await readFile('/var/run/docker.pid', 'utf8').catch(() => ''))
  if (which('docker') === undefined || (await runStatus('docker', ['version'])).code !== 0 || !(pid > 0))
    return undefined
  const command = ['docker']
  return {
    ...(await describe(socket, command)),
    command,
    buildCommand: command,
    shared: join(work, 'contexts'),
    monitors: async () =>
      (await allProcesses())
        .filter(({ commandLine }) => commandLine.includes('containerd-shim') && commandLine.includes('-namespace moby'))
        .map((one) => one.pid),
    daemons: async () => {
      const containerd = (await allProcesses()).filter(({ name }) => name === 'containerd').map((one) => one.pid)
      return [...new Set([pid, ...containerd])]
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function describe(
  socket: string,
  buildCommand: readonly string[],
): Promise<Pick<DockerPeer, 'name' | 'version' | 'env' | 'socket' | 'notComparable'>> {
  using client = createClient({ socket })
  const version = (await client.version()).Version
  const buildx = (await runStatus(buildCommand[0] ?? '', [...buildCommand.slice(1), 'buildx', 'version'])).code === 0
  const old = Number(version.split('.')[0]) < 28
  const reason = old
    ? `docker ${version} is older than 28`
    : buildx
      ? undefined
      : 'docker has no BuildKit (buildx) here'
  return { name: 'docker', version, env: {}, socket, ...(reason === undefined ? {} : { notComparable: reason }) }
}

// In a root of its own dockerd's parent is the first process of its namespace, which orphaned shims fall to.
async function shimsBelow(daemon: number): Promise<number[]> {
  const all = await allProcesses()
  const first = all.find(({ pid }) => pid === daemon)?.parent
  if (first === undefined) return []
  return all.filter(({ parent, name }) => parent === first && name.startsWith('containerd-shim')).map(({ pid }) => pid)
}

async function daemonTree(daemon: number): Promise<number[]> {
  const tree = await treeOf(daemon)
  const shims = new Set(await shimsBelow(daemon))
  const children = await childrenOf(daemon)
  return tree.filter((pid) => pid === daemon || (children.includes(pid) && !shims.has(pid)))
}
