import { posix } from 'node:path'
import { parseDuration } from '@gantry/dockerfile'
import type { Healthcheck } from '@gantry/oci'
import { BuildError } from '../build-error.ts'
import { isRecord, membersOf } from './json-value.ts'

/** The member `gantry` of a `package.json`; everything has a default. */
export interface NodeSettings {
  /** The image it stands on. Default: by `engines`. */
  readonly base: string | undefined
  /** The image in which scripts run. Default: the base. */
  readonly builder: string | undefined
  /** Where the project is in the image. Default: `/app`. */
  readonly directory: string
  /** Who runs it. Default: `1000:1000`. */
  readonly user: string
  readonly env: ReadonlyMap<string, string>
  /** Ports, `3000` or `3000/udp`. */
  readonly expose: readonly string[]
  readonly labels: ReadonlyMap<string, string>
  readonly healthcheck: Healthcheck | undefined
  readonly stopSignal: string | undefined
  /** The command, instead of what `package.json` says. */
  readonly entrypoint: readonly string[] | undefined
  /** Arguments that `gantry run` may replace. */
  readonly arguments: readonly string[] | undefined
  /** The script that is run before; `undefined`: `build` if there is one; `false`: none. */
  readonly build: string | false | undefined
  /** What of the package goes into the image, instead of `files` of `package.json`. */
  readonly files: readonly string[] | undefined
  /** Whose install scripts run: native addons without a prebuilt binary, nobody, or those named. */
  readonly installScripts: 'native' | 'none' | readonly string[]
  /** How many layers third-party packages are spread over. */
  readonly layers: number
  /** SIGTERM and SIGINT end a program that does not handle them itself, as they would outside of a container. */
  readonly signals: boolean
}

/** The settings of a package that has none. */
export const defaultSettings: NodeSettings = {
  base: undefined,
  builder: undefined,
  directory: '/app',
  user: '1000:1000',
  env: new Map(),
  expose: [],
  labels: new Map(),
  healthcheck: undefined,
  stopSignal: undefined,
  entrypoint: undefined,
  arguments: undefined,
  build: undefined,
  files: undefined,
  installScripts: 'native',
  layers: 6,
  signals: true,
}

/** Reads `gantry` of a `package.json` strictly: what it does not know is refused. @throws BuildError SETTINGS_INVALID */
export function parseSettings(value: unknown, file: string): NodeSettings {
  if (value === undefined) return defaultSettings
  if (!isRecord(value)) throw invalid(file, 'gantry', 'an object', value)
  let settings = defaultSettings
  for (const [name, member] of membersOf(value)) {
    const read = Object.hasOwn(readers, name) ? readers[name as keyof NodeSettings] : undefined
    const path = `gantry.${name}`
    if (read === undefined) {
      const known = Object.keys(readers).join(', ')
      throw new BuildError('SETTINGS_INVALID', `Cannot use "${path}" in "${file}": there is no such setting`, {
        hint: `it knows ${known}`,
      })
    }
    settings = { ...settings, [name]: read(member, (expected, found = member) => invalid(file, path, expected, found)) }
  }
  return settings
}

/** Makes the error that says what was expected. */
type Refuse = (expected: string, found?: unknown) => BuildError

const readers: { readonly [Name in keyof NodeSettings]: (value: unknown, refuse: Refuse) => NodeSettings[Name] } = {
  base: text,
  builder: text,
  directory(value, refuse) {
    const path = text(value, refuse)
    if (!/^\/[\w./@-]+$/.test(path) || posix.normalize(path).replace(/\/$/, '') !== path)
      throw refuse('an absolute path below "/"')
    return path
  },
  user: text,
  env: texts,
  expose(value, refuse) {
    if (!Array.isArray(value)) throw refuse('a list of ports')
    return value.map((port: unknown) => {
      const [, number = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(String(port)) ?? []
      if (!(Number(number) >= 1 && Number(number) <= 65_535)) throw refuse('a port such as 3000 or "53/udp"', port)
      return `${number}/${protocol}`
    })
  },
  labels: texts,
  healthcheck: readHealthcheck,
  stopSignal(value, refuse) {
    const signal = text(value, refuse)
    if (!/^SIG[A-Z0-9+]+$/.test(signal)) throw refuse('a signal such as "SIGINT"')
    return signal
  },
  entrypoint: words,
  arguments: words,
  build(value, refuse) {
    if (value === false) return false
    return text(value, refuse)
  },
  files: words,
  installScripts(value, refuse) {
    if (value === 'native' || value === 'none') return value
    if (!Array.isArray(value)) throw refuse('"native", "none" or a list of packages')
    return words(value, refuse)
  },
  layers(value, refuse) {
    if (!Number.isInteger(value) || Number(value) < 1 || Number(value) > 60) throw refuse('a number from 1 to 60')
    return Number(value)
  },
  signals(value, refuse) {
    if (typeof value !== 'boolean') throw refuse('true or false')
    return value
  },
}

const healthMembers = new Set(['command', 'http', 'port', 'interval', 'timeout', 'startPeriod', 'retries'])

function readHealthcheck(value: unknown, refuse: Refuse): Healthcheck {
  if (!isRecord(value)) throw refuse('an object with "http" or "command"')
  for (const name of Object.keys(value)) {
    if (!healthMembers.has(name)) throw refuse(`only ${[...healthMembers].join(', ')}`, name)
  }
  const { command, http, port = 3000, retries } = value
  if ((command === undefined) === (http === undefined)) throw refuse('either "http" or "command"')
  if (retries !== undefined && !(Number.isInteger(retries) && Number(retries) > 0))
    throw refuse('"retries" as a number', retries)
  const duration = (name: string): number | undefined => {
    const written = value[name]
    if (written === undefined) return undefined
    const found = typeof written === 'string' ? parseDuration(written) : undefined
    if (found === undefined) throw refuse(`"${name}" as a duration such as "30s"`, written)
    return found
  }
  const [interval, timeout, start] = [duration('interval'), duration('timeout'), duration('startPeriod')]
  return {
    Test: ['CMD', ...(command === undefined ? httpCommand(http, port, refuse) : words(command, refuse))],
    ...(interval === undefined ? {} : { Interval: interval }),
    ...(timeout === undefined ? {} : { Timeout: timeout }),
    ...(start === undefined ? {} : { StartPeriod: start }),
    ...(retries === undefined ? {} : { Retries: Number(retries) }),
  }
}

/** Asks with Node itself, so that the image needs no other program. */
function httpCommand(path: unknown, port: unknown, refuse: Refuse): readonly string[] {
  if (typeof path !== 'string' || !/^\/[\w./?=&%-]*$/.test(path))
    throw refuse('"http" as a path such as "/healthz"', path)
  if (!Number.isInteger(port) || Number(port) < 1 || Number(port) > 65_535) throw refuse('"port" as a number', port)
  const url = `http://127.0.0.1:${Number(port)}${path}`
  return [
    'node',
    '-e',
    `fetch(${JSON.stringify(url)}).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))`,
  ]
}

function text(value: unknown, refuse: Refuse): string {
  if (typeof value !== 'string' || value === '') throw refuse('a text')
  return value
}

function words(value: unknown, refuse: Refuse): readonly string[] {
  if (!Array.isArray(value)) throw refuse('a list of texts')
  return value.map((word: unknown) => {
    if (typeof word !== 'string' || word === '') throw refuse('a list of texts', word)
    return word
  })
}

function texts(value: unknown, refuse: Refuse): ReadonlyMap<string, string> {
  if (!isRecord(value)) throw refuse('an object with texts')
  return new Map(
    membersOf(value).map(([name, member]) => {
      if (typeof member !== 'string') throw refuse('an object with texts', member)
      if (name === '' || name.includes('=')) throw refuse('names without "="', name)
      return [name, member]
    }),
  )
}

function invalid(file: string, path: string, expected: string, found: unknown): BuildError {
  const shown = JSON.stringify(found)?.slice(0, 100) ?? 'nothing'
  return new BuildError('SETTINGS_INVALID', `Cannot use "${path}" in "${file}": expected ${expected}, found ${shown}`)
}
