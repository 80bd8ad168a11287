import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@gantry/client'
import { exitOf, run, runStatus, start } from '@gantry/process'
import { BenchError } from '../bench-error.ts'
import { childrenOf } from '../process-tree.ts'
import { saveFirewall } from './firewall.ts'
import { enterScript } from './enter-root.ts'

/** A Docker daemon that runs in a root of its own, beside whatever the host has. Disposing of it ends and removes it. */
export interface DockerRoot extends AsyncDisposable {
  /** Its socket, as the host sees it. */
  readonly socket: string
  /** The daemon's process, as the host sees it. */
  readonly pid: number
  /** Runs a program of the root in the daemon's mount namespace: words to put before a command line. */
  readonly enter: readonly string[]
  /** A directory that both sides see under the same path: build contexts belong here. */
  readonly shared: string
}

/** What the root is made of. */
export const dockerPackages: readonly string[] = [
  'docker.io',
  'docker-cli',
  'docker-buildx',
  'docker-compose',
  'containerd',
  'runc',
  'iptables',
  'ca-certificates',
  'xz-utils',
]

/**
 * Installs Docker of a newer suite than the host's into a directory, with mmdebstrap; nothing when it is there. The mirror is
 * the host's own.
 *
 * @throws BenchError PEER_FAILED
 */
export async function makeDockerRoot(
  directory: string,
  options: { suite?: string; mirror?: string } = {},
): Promise<void> {
  if (existsSync(join(directory, 'usr/sbin/dockerd'))) return
  await mkdir(dirname(directory), { recursive: true })
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : ''
  const suite = options.suite ?? 'sid'
  const mirror = options.mirror ?? (await hostMirror())
  const { code, stderr } = await runStatus('mmdebstrap', [
    '--variant=minbase',
    '--mode=root',
    '--format=directory',
    `--include=${dockerPackages.join(',')}`,
    suite,
    directory,
    `deb ${signed}${mirror} ${suite} main`,
  ])
  if (code !== 0) {
    throw new BenchError(
      'PEER_FAILED',
      `Cannot install Docker into "${directory}": ${stderr.trim().split('\n').slice(-4).join('; ')}`,
    )
  }
}

// What the host's own APT takes Debian's packages from.
async function hostMirror(): Promise<string> {
  const line = ['indextargets', '--format', '$(REPO_URI) $(ORIGIN) $(LABEL)', 'Created-By: Packages']
  const { stdout } = await runStatus('apt-get', line)
  const found = stdout.split('\n').find((text) => text.endsWith(' Debian Debian'))
  if (found !== undefined) return found.split(' ')[0] ?? ''
  throw new BenchError(
    'PEER_FAILED',
    "Cannot install Docker: this host's APT names no mirror of Debian (read the README of bench)",
  )
}

const bridgeAlias = 'gantry-bench'

/**
 * Starts dockerd in such a root: mount and process namespaces of its own (entered by pivot_root), the host's network, its data,
 * state and socket in `work`. Its bridge and its firewall rules are taken away again when it is disposed of; only processes
 * that were started here are ended.
 *
 * @throws BenchError PEER_FAILED with the end of the daemon's log
 */
export async function startDockerRoot(options: {
  root: string
  work: string
  insecure?: readonly string[]
}): Promise<DockerRoot> {
  const root = resolve(options.root)
  const work = resolve(options.work)
  const shared = join(work, 'shared')
  await mkdir(shared, { recursive: true })
  const bridgeWasThere = await hasBridge()
  const cgroupsBefore = await dockerCgroups()
  const firewall = await saveFirewall(root)
  await cp('/etc/resolv.conf', join(root, 'etc/resolv.conf'), { dereference: true })
  const registries = (options.insecure ?? []).map((address) => `--insecure-registry=${address}`)
  const holder = start(
    'setpriv',
    // When the benchmark is killed, unshare is, and with it the whole namespace.
    [
      '--pdeathsig',
      'KILL',
      'unshare',
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      'sh',
      '-c',
      enterScript,
      'enter',
      root,
      shared,
      ...registries,
    ],
    {
      stdio: 'ignore',
      // A process group of its own, so that Ctrl-C reaches the benchmark first, which then takes it down in order.
      detached: true,
    },
  )
  holder.ref()
  const ended = exitOf(holder)
  ended.catch(() => undefined)
  const socket = join(shared, 'docker.sock')
  const log = join(shared, 'dockerd.log')
  const stop = async (): Promise<void> => {
    const daemon = await findDaemon(holder.pid)
    if (daemon !== undefined) {
      await removeContainers(socket).catch(() => undefined)
      process.kill(daemon, 'SIGTERM')
      await Promise.race([ended, sleep(20_000, undefined, { ref: false })])
    }
    // Ends the first process of the namespace, and with it all others.
    holder.kill('SIGKILL')
    await ended.catch(() => undefined)
    if (!bridgeWasThere) await runStatus('ip', ['link', 'del', 'docker0'])
    await firewall.restore()
    await removeCgroups(cgroupsBefore)
    await rm(shared, { recursive: true, force: true })
  }
  try {
    await answering(socket, { ended, log })
    if (!bridgeWasThere) await runStatus('ip', ['link', 'set', 'docker0', 'alias', bridgeAlias])
    const pid = await findDaemon(holder.pid)
    if (pid === undefined) throw await startFailed(log, 'its process cannot be found')
    return {
      socket,
      pid,
      enter: ['nsenter', `--target=${String(pid)}`, '--mount', '--'],
      shared,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

// A bridge that a killed benchmark has left behind bears its mark, and is not the host's.
async function hasBridge(): Promise<boolean> {
  const link = '/sys/class/net/docker0'
  return existsSync(link) && (await readFile(join(link, 'ifalias'), 'utf8')).trim() !== bridgeAlias
}

async function answering(socket: string, { ended, log }: { ended: Promise<unknown>; log: string }): Promise<void> {
  let over = false
  void ended.catch(() => undefined).then(() => (over = true))
  for (let waited = 0; waited < 60_000; waited += 100) {
    using client = createClient({ socket })
    try {
      await client.ping()
      return
    } catch {
      if (over) throw await startFailed(log, 'it ended')
      await sleep(100)
    }
  }
  throw await startFailed(log, 'no answer within a minute')
}

async function startFailed(log: string, reason: string): Promise<BenchError> {
  const text = await readFile(log, 'utf8').catch(() => '')
  const end = text.trim().split('\n').slice(-5).join('\n')
  return new BenchError('PEER_FAILED', `Cannot start dockerd: ${reason}\n${end}`)
}

// unshare has one child, the namespace's first process; dockerd is its child.
async function findDaemon(holder: number | undefined): Promise<number | undefined> {
  const [first] = holder === undefined ? [] : await childrenOf(holder)
  for (const pid of first === undefined ? [] : await childrenOf(first)) {
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
    if (name.trim() === 'dockerd') return pid
  }
  return undefined
}

async function removeContainers(socket: string): Promise<void> {
  using client = createClient({ socket })
  const all = await client.containers.list({ all: true })
  await Promise.all(all.map(({ Id }) => client.containers.remove(Id, { force: true })))
}

async function dockerCgroups(): Promise<string[]> {
  const places = (await readdir('/sys/fs/cgroup').catch(() => [])).map((name) => join('/sys/fs/cgroup', name, 'docker'))
  return [...places, '/sys/fs/cgroup/docker'].filter((path) => existsSync(path))
}

async function removeCgroups(before: readonly string[]): Promise<void> {
  for (const path of await dockerCgroups()) {
    if (!before.includes(path)) await runStatus('find', [path, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+'])
  }
}

/** What a Docker root's own programs are called by in reports, such as "docker 28.5.2". */
export async function dockerRootVersion(root: string): Promise<string> {
  const { stdout } = await run('chroot', [root, 'dockerd', '--version'])
  return /version ([^,\s]+)/.exec(stdout)?.[1] ?? basename(root)
}
