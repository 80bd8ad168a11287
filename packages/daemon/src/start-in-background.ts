import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { createConnection } from 'node:net'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Site } from '@gantry/linux'
import { exitOf, start } from '@gantry/process'
import { DaemonError } from './daemon-error.ts'
import { daemonLogPath, readDaemonCard } from './daemon-files.ts'
import { makeRoot } from './make-root.ts'
import type { DaemonOptions } from './start-daemon.ts'
import { exitStatuses } from './ready-pipe.ts'

/** What starting in the background came to. */
export interface StartedDaemon {
  readonly pid: number
  /** False when one ran already. */
  readonly started: boolean
}

const patience = 30_000
const largestLog = 8 * 1024 * 1024

/**
 * Starts the daemon of a site in the background, in a session of its own, and resolves when it listens. Several callers at
 * once start one.
 *
 * @throws DaemonError DAEMON_FAILED with the end of its log
 */
export async function startDaemonInBackground(site: Site, options: DaemonOptions = {}): Promise<StartedDaemon> {
  const running = readDaemonCard(site)
  if (running !== undefined && (await answers(site.socket))) return { pid: running.pid, started: false }
  makeRoot(site.root)
  const log = openLog(site)
  const from = statSync(daemonLogPath(site)).size
  const child = start(process.execPath, [...process.execArgv, daemonMain(), site.root], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', log, log, 'pipe'],
    env: { ...process.env, GANTRY_RUN: site.run, ...registryEnvironment(options) },
  })
  closeSync(log)
  // What is detached does not keep a process waiting; here its end is waited for.
  child.ref()
  const exit = exitOf(child)
  const status = await Promise.race([
    readyOn(child.stdio[3] as Readable),
    exit.then(({ code }) => code ?? exitStatuses.failed),
  ])
  child.unref()
  if (status === 'ready' && child.pid !== undefined) return { pid: child.pid, started: true }
  if (status === exitStatuses.alreadyRunning) return waitForOther(site)
  throw new DaemonError('DAEMON_FAILED', `Cannot start the daemon for ${site.root}:\n${logSince(site, from)}`, {
    hint: `its log is ${daemonLogPath(site)}; "gantry doctor" tells what this machine lacks`,
  })
}

function registryEnvironment({ registry }: DaemonOptions): Record<string, string> {
  return {
    ...(registry?.address === undefined ? {} : { GANTRY_REGISTRY_ADDR: registry.address }),
    ...(registry?.config === undefined ? {} : { GANTRY_REGISTRY_CONFIG: resolve(registry.config) }),
  }
}

/** The daemon's program: beside this file in the sources, at the top of the bundle otherwise. */
function daemonMain(): string {
  const here = import.meta.url
  if (here.endsWith('.ts')) return fileURLToPath(new URL('./main.ts', here))
  return fileURLToPath(new URL(/\/(chunks|lib)\/[^/]+$/.test(here) ? '../daemon.js' : './daemon.js', here))
}

function openLog(site: Site): number {
  const path = daemonLogPath(site)
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > largestLog) renameSync(path, `${path}.1`)
  return openSync(path, 'a', 0o640)
}

async function readyOn(pipe: Readable): Promise<'ready' | number> {
  for await (const chunk of pipe) {
    if (String(chunk).includes('ready')) {
      pipe.destroy()
      return 'ready'
    }
  }
  // Closed without a word: the process has ended, and its status says why.
  return new Promise(() => {})
}

async function waitForOther(site: Site): Promise<StartedDaemon> {
  const deadline = performance.now() + patience
  while (performance.now() < deadline) {
    const card = readDaemonCard(site)
    if (card !== undefined && (await answers(site.socket))) return { pid: card.pid, started: false }
    await sleep(20)
  }
  throw new DaemonError(
    'DAEMON_FAILED',
    `Cannot reach the daemon for ${site.root}: one has its lock, but does not listen on ${site.socket}`,
    {
      hint: `its log is ${daemonLogPath(site)}`,
    },
  )
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => resolve(false))
  })
}

function logSince(site: Site, from: number): string {
  const text = readFileSync(daemonLogPath(site)).subarray(from).toString()
  return text.trim().split('\n').slice(-5).join('\n')
}
