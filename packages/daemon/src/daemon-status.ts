import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, type Site } from '@gantry/linux'
import { DaemonError } from './daemon-error.ts'
import { daemonLogPath, readDaemonCard } from './daemon-files.ts'

/** Whether and how a daemon runs. */
export interface DaemonStatus {
  readonly running: boolean
  readonly pid?: number
  readonly socket: string
  readonly log: string
  readonly version?: string
  /** Milliseconds since 1970. */
  readonly startedAt?: number
}

/** Tells whether the daemon of a site runs. Asks nobody: it reads the daemon's card. */
export async function daemonStatus(site: Site): Promise<DaemonStatus> {
  const where = { socket: site.socket, log: daemonLogPath(site) }
  const card = readDaemonCard(site)
  if (card === undefined) return { running: false, ...where }
  const { pid, version, startedAt } = card
  return { running: true, pid, version, startedAt, ...where }
}

const patience = 15_000

/**
 * Stops the daemon of a site and waits until it is gone; containers go on. False when none ran.
 *
 * @throws DaemonError DAEMON_STUCK when it has not ended after 15 s
 */
export async function stopDaemon(site: Site): Promise<boolean> {
  const card = readDaemonCard(site)
  if (card === undefined) return false
  process.kill(card.pid, 'SIGTERM')
  const deadline = performance.now() + patience
  while (isAlive(card)) {
    if (performance.now() > deadline) {
      throw new DaemonError(
        'DAEMON_STUCK',
        `Cannot stop the daemon: process ${String(card.pid)} still runs after 15 s`,
        {
          hint: `"kill -9 ${String(card.pid)}" does no harm to containers; its log is ${daemonLogPath(site)}`,
        },
      )
    }
    await sleep(10)
  }
  return true
}
