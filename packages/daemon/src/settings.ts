import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Site } from '@gantry/linux'
import { DaemonError } from './daemon-error.ts'
import { makeRoot } from './make-root.ts'

/** What a root's daemon is told once and keeps to, whoever starts it. */
export interface DaemonSettings {
  /** Bytes that caches and leftovers may take together; absent is without limit. */
  readonly diskBudget?: number
}

/** The settings of a root, from settings.json in it; none where there is no such file. @throws DaemonError SETTINGS_INVALID */
export function readSettings(site: Pick<Site, 'root'>): DaemonSettings {
  const path = settingsPath(site)
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new DaemonError('SETTINGS_INVALID', `Cannot read the settings in ${path}`, { cause })
  }
  const invalid = (what: string): DaemonError =>
    new DaemonError('SETTINGS_INVALID', `Cannot use the settings in ${path}: ${what}`, {
      hint: 'it is a JSON object with "diskBudget", a number of bytes',
    })
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('not an object')
  for (const name of Object.keys(value)) if (name !== 'diskBudget') throw invalid(`"${name}" is not known`)
  const { diskBudget } = value as { diskBudget?: unknown }
  if (diskBudget === undefined) return {}
  if (typeof diskBudget !== 'number' || !Number.isSafeInteger(diskBudget) || diskBudget < 0)
    throw invalid('"diskBudget" is not a number of bytes')
  return { diskBudget }
}

/** Writes the settings of a root, which is made where it is missing, atomically; a daemon that runs reads them at its next round. */
export function writeSettings(site: Pick<Site, 'root'>, settings: DaemonSettings): void {
  makeRoot(site.root)
  const path = settingsPath(site)
  writeFileSync(`${path}.new`, `${JSON.stringify(settings, undefined, 2)}\n`)
  renameSync(`${path}.new`, path)
}

function settingsPath({ root }: Pick<Site, 'root'>): string {
  return join(root, 'settings.json')
}
