import { appendFileSync, mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient, type Client } from '@gantry/client'
import { openContentWorld } from '@gantry/daemon'
import { siteOf, type Site } from '@gantry/linux'
import { runStatus, start, which } from '@gantry/process'
import { busyboxMissing } from '../fixtures/busybox-layer.ts'
import { busyboxImage } from '../images/busybox-image.ts'
import { hostInventory } from './host-inventory.ts'

/** A daemon process over a root of its own that holds `localhost/busybox`. */
export interface RealDaemon extends AsyncDisposable {
  readonly site: Site
  readonly client: Client
  /** Starts the daemon's process; resolves when it listens, or with false when it ended first. */
  start(env?: Readonly<Record<string, string>>): Promise<boolean>
  /** Ends it with a signal (default SIGTERM) and waits for its end. Containers go on. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Resolves when its process has ended by itself. */
  ended(): Promise<void>
  readonly pid: number
  /** What it has logged. */
  log(): string
  /** Runs the stock docker client against it. */
  docker(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }>
  /** What of its containers is on the host. */
  inventory(): Promise<readonly string[]>
}

/** Where the launcher keeps it too: tests start the daemon hundreds of times. */
const compileCache = fileURLToPath(new URL('../../../../node_modules/.cache/gantry', import.meta.url))

/** Why a real daemon cannot be tested here; undefined when it can. */
export function realDaemonMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  for (const tool of ['conmon', 'nft', 'ip']) if (which(tool) === undefined) return `needs ${tool}`
  if (which('runc') === undefined && which('crun') === undefined) return 'needs runc or crun'
  return busyboxMissing()
}

/** Makes a root with an image and starts a daemon on it. Disposing of it removes all containers, networks and files. */
export async function realDaemon(options: { start?: boolean } = {}): Promise<RealDaemon> {
  // Short: sockets have paths of at most 107 bytes.
  const root = mkdtempSync('/tmp/gd-')
  const site = siteOf({ GANTRY_ROOT: root })
  mkdirSync(site.run, { recursive: true })
  {
    await using world = await openContentWorld(site)
    const image = await busyboxImage(world.store, world.codec)
    await world.store.tag('localhost/busybox:latest', image.descriptor)
  }
  const daemon = new DaemonProcess(site)
  if (options.start === false || (await daemon.start())) return daemon
  const log = daemon.log()
  await daemon[Symbol.asyncDispose]()
  throw new Error(`The daemon did not start:\n${log}`)
}

class DaemonProcess implements RealDaemon {
  readonly site: Site
  client: Client
  pid = 0
  #end: Promise<void> = Promise.resolve()
  readonly #log: string

  constructor(site: Site) {
    this.site = site
    this.client = createClient({ socket: site.socket })
    this.#log = join(site.root, 'test.log')
  }

  async start(env: Readonly<Record<string, string>> = {}): Promise<boolean> {
    appendFileSync(this.#log, `--- start ${JSON.stringify(env)}\n`)
    this.client.close()
    this.client = createClient({ socket: this.site.socket })
    const log = openSync(this.#log, 'a')
    const main = fileURLToPath(new URL('../../../daemon/src/main.ts', import.meta.url))
    const child = start(process.execPath, ['--disable-warning=ExperimentalWarning', main, this.site.root], {
      stdio: ['ignore', log, log, 'pipe'],
      cwd: '/',
      env: { NODE_COMPILE_CACHE: compileCache, ...process.env, GANTRY_RUN: this.site.run, ...env },
    })
    closeSync(log)
    this.pid = child.pid ?? 0
    this.#end = new Promise((resolve) => {
      child.once('exit', () => resolve())
    })
    const ready = new Promise<boolean>((resolve) => child.stdio[3]?.once('data', () => resolve(true)))
    const ended = this.#end.then(() => false)
    return Promise.race([ready, ended])
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.pid !== 0) {
      try {
        process.kill(this.pid, signal)
      } catch {
        // It has ended already.
      }
    }
    await this.#end
    this.pid = 0
  }

  ended(): Promise<void> {
    return this.#end
  }

  log(): string {
    return readFileSync(this.#log, 'utf8')
  }

  docker(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    return runStatus('docker', args, {
      env: { ...process.env, DOCKER_HOST: `unix://${this.site.socket}`, DOCKER_CONTEXT: '' },
      timeout: 60_000,
    })
  }

  inventory(): Promise<readonly string[]> {
    return hostInventory(this.site)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
    if (await this.start()) {
      for (const { Id } of await this.client.containers.list({ all: true }))
        await this.client.containers.remove(Id, { force: true, volumes: true })
      for (const { Name, Driver } of await this.client.networks.list())
        if (Driver === 'bridge' && Name !== 'bridge') await this.client.networks.remove(Name)
      await this.stop()
    }
    this.client.close()
    await undoHost(this.site)
    rmSync(this.site.root, { recursive: true, force: true })
    rmSync(this.site.run, { recursive: true, force: true })
  }
}

/** Takes back what belongs to the host and not to a container: bridges, table, name server. */
async function undoHost(site: Site): Promise<void> {
  await using world = await openContentWorld(site)
  for (const prefix of ['build', 'container', 'network', 'host'])
    for (const { owner } of world.ledger.owners(prefix)) await world.ledger.undo(owner).catch(() => undefined)
}
