import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createDockerApi, type DockerApiParts } from '@gantry/docker-api'
import { systemClock } from '@gantry/engine'
import { lockFile, processStartTime, type Site } from '@gantry/linux'
import { defaultLogOf } from './default-log.ts'
import { DaemonError } from './daemon-error.ts'
import { daemonCardPath, daemonLockPath, readDaemonCard, type DaemonCard } from './daemon-files.ts'
import type { Log } from './daemon-log.ts'
import { listen } from './listen.ts'
import { makeRoot } from './make-root.ts'
import { startBudgetRounds } from './budget-rounds.ts'
import { apiBuildCache } from './api-build-cache.ts'
import { apiBuild } from './api-build.ts'
import { serveDaemonRegistry, type DaemonRegistry } from './daemon-registry.ts'
import { readSettings } from './settings.ts'
import { openWorld, type World } from './open-world.ts'
import { version } from './version.ts'

/** A running daemon. */
export interface Daemon extends AsyncDisposable {
  readonly site: Site
  /** Reads its settings and the configuration of its registry again, if it serves one, and keeps the disk budget now. */
  reload(): Promise<void>
}

/** What a daemon does beside keeping containers. */
export interface DaemonOptions {
  /** Serves the root as a registry, too. */
  readonly registry?: DaemonRegistry
}

/**
 * Starts the daemon of a site in this process: takes its lock, opens the root, recovers what the last one left, and listens.
 * Disposing of it stops listening; containers go on.
 *
 * @throws DaemonError DAEMON_RUNNING when another one has the root, SOCKET_UNUSABLE, SETTINGS_INVALID
 * @throws StateError STATE_TOO_NEW and others
 */
export async function startDaemon(site: Site, log: Log, options: DaemonOptions = {}): Promise<Daemon> {
  await using stack = new AsyncDisposableStack()
  makeRoot(site.root)
  mkdirSync(site.run, { recursive: true, mode: 0o755 })
  const lock = lockFile(daemonLockPath(site))
  if (lock === undefined) throw alreadyRunning(site)
  stack.use(lock)
  let defaultLog = defaultLogOf(readSettings(site))
  const world = stack.use(await openWorld(site, { log, defaultLog: () => defaultLog }))
  const { engine, state, store } = world
  const recovered = await engine.recover()
  const api = createDockerApi(apiParts(world))
  const listening = await listen(site.socket, (socket) => api.serve(socket))
  stack.defer(() => listening.close())
  writeCard(site)
  stack.defer(() => rmSync(daemonCardPath(site), { force: true }))
  const registry = await serveDaemonRegistry(world, options.registry, log)
  if (registry !== undefined) stack.defer(() => registry.close())
  // What failed transfers have left and nobody came back for; while the daemon listens already.
  import('./collect-at-start.ts')
    .then(({ collectAtStart }) => collectAtStart({ state, store }))
    .catch((error: unknown) => log('cannot collect garbage', error))
  const { content, builderPorts } = world
  const budget = stack.use(startBudgetRounds(site, { engine, content, builderPorts, log }, log))
  const { adopted, finished, removed, undone } = recovered
  log(
    `gantry ${version} listens on ${site.socket}, root ${site.root}; took over ${adopted} running containers, ` +
      `finished ${finished}, removed ${removed}, took back ${undone} half-made changes`,
  )
  const all = stack.move()
  return {
    site,
    reload: async () => {
      void budget.round()
      defaultLog = defaultLogOf(readSettings(site))
      await registry?.reload()
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

function apiParts(world: World): DockerApiParts {
  const { engine, images, networks, site, host, runtime, store } = world
  return {
    engine,
    images,
    networks,
    site,
    host,
    clock: systemClock,
    version,
    runtimeName: runtime.name,
    experimental: runtime.features().checkpoint,
    build: (context, options) => apiBuild(world, context, options),
    buildCache: () => apiBuildCache(world),
    pruneBuildCache: async (options) => {
      const { pruneCache } = await import('@gantry/builder')
      const { removed, bytes } = await pruneCache(world.builderPorts, options)
      return { removed: removed.map(({ id }) => id), bytes }
    },
    imageEvents: (after) =>
      store
        .events({ after })
        .map(({ id, time, kind, name, digest }) => ({ id, time, action: kind, name: name ?? digest ?? '' })),
  }
}

function writeCard(site: Site): void {
  const card: DaemonCard = {
    pid: process.pid,
    startTime: processStartTime(process.pid) ?? '',
    version,
    startedAt: Date.now(),
  }
  writeFileSync(daemonCardPath(site), JSON.stringify(card))
}

function alreadyRunning(site: Site): DaemonError {
  const card = readDaemonCard(site)
  const who = card === undefined ? 'another process' : `process ${String(card.pid)}`
  return new DaemonError(
    'DAEMON_RUNNING',
    `Cannot start a daemon for ${site.root}: ${who} is one already, on ${site.socket}`,
    {
      hint: 'use it, or stop it with "gantry daemon stop"',
    },
  )
}
