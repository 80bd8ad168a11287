import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Site } from '@gantry/linux'
import { DaemonError } from './daemon-error.ts'
import { makeRoot } from './make-root.ts'

/** What a root's daemon is told once and keeps to, whoever starts it. */
export interface DaemonSettings {
  /** Bytes that caches and leftovers may take together; absent is without limit. */
  readonly diskBudget?: number
  /** Where output goes when a container does not say; absent is `local`. */
  readonly logDriver?: string
  /** Options for those that take that driver. */
  readonly logOpts?: Readonly<Record<string, string>>
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
      hint: 'it is a JSON object with "diskBudget", a number of bytes, "logDriver", a text, and "logOpts", an object of texts',
    })
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('not an object')
  for (const [name, member] of Object.entries(value)) {
    const is = members.get(name as keyof DaemonSettings)
    if (is === undefined) throw invalid(`"${name}" is not known`)
    if (!is.check(member)) throw invalid(`"${name}" is not ${is.what}`)
  }
  return value
}

interface Member {
  readonly what: string
  readonly check: (value: unknown) => boolean
}

const members: ReadonlyMap<keyof DaemonSettings, Member> = new Map<keyof DaemonSettings, Member>([
  ['diskBudget', { what: 'a number of bytes', check: (value) => Number.isSafeInteger(value) && Number(value) >= 0 }],
  ['logDriver', { what: 'a text', check: (value) => typeof value === 'string' }],
  [
    'logOpts',
    {
      what: 'an object of texts',
      check: (value) =>
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        Object.values(value).every((each) => typeof each === 'string'),
    },
  ],
])

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
