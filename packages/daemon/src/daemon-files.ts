import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, type ProcessIdentity, type Site } from '@gantry/linux'

/** What a running daemon says of itself in its run directory. */
export interface DaemonCard extends ProcessIdentity {
  readonly version: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

/** Where the daemon of a site writes its log. */
export function daemonLogPath(site: Pick<Site, 'root'>): string {
  return join(site.root, 'daemon.log')
}

/** The file whose lock a daemon holds while it runs: one daemon a root. */
export function daemonLockPath(site: Pick<Site, 'root'>): string {
  return join(site.root, 'daemon.lock')
}

/** The file with the daemon's card. */
export function daemonCardPath(site: Pick<Site, 'run'>): string {
  return join(site.run, 'daemon.json')
}

/** The card of the daemon that runs now; undefined when none does. */
export function readDaemonCard(site: Pick<Site, 'run'>): DaemonCard | undefined {
  let card: unknown
  try {
    card = JSON.parse(readFileSync(daemonCardPath(site), 'utf8'))
  } catch {
    return undefined
  }
  return isCard(card) && isAlive(card) ? card : undefined
}

function isCard(value: unknown): value is DaemonCard {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    'startTime' in value &&
    typeof value.startTime === 'string' &&
    'version' in value &&
    typeof value.version === 'string' &&
    'startedAt' in value &&
    typeof value.startedAt === 'number'
  )
}
