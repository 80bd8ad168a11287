import { architectureOfOci } from '../debian-architecture.ts'
import { BaseError } from '../base-error.ts'
import { isRecord } from '../../node/json-value.ts'

/** A repository that packages are taken from, in APT's words. */
export interface DeclaredSource {
  readonly url: string
  readonly suites: readonly string[]
  readonly components: readonly string[]
  /** A key file of the machine that locks. Default: the key of the distribution's archive. */
  readonly signedBy?: string
}

/** An account of the image, beside those that its packages have. */
export interface DeclaredUser {
  readonly name: string
  readonly uid: number
  /** The number of a group of the same name. Default: the user's. */
  readonly gid: number
  /** Made, and owned by the user. Default: `/home/<name>`. */
  readonly home: string
  readonly shell: string
}

/** Files of the machine that go into the image. */
export interface DeclaredFile {
  /** Relative to the file that declares it. */
  readonly from: string
  /** An absolute path: what the file or directory is called in the image. */
  readonly to: string
  /** Permission bits of files. Default: 0644, or 0755 for those that may be executed. */
  readonly mode?: number
  /** A user's name or number. Default: root. */
  readonly owner: string
}

/** An image made of packages: what `gantry-base.json` says, with its defaults. */
export interface DeclaredBase {
  readonly name: string
  /** Default: the release of this machine. */
  readonly suite?: string
  /** Default: what this machine's APT uses. */
  readonly sources?: readonly DeclaredSource[]
  /** OCI's names. */
  readonly architectures: readonly string[]
  readonly packages: readonly string[]
  /** Packages that are left out although others ask for them. */
  readonly without: readonly string[]
  readonly include: {
    readonly shell: boolean
    readonly packageManager: boolean
    /** A version of Node, as npm's `node-linux-*` packages have it. */
    readonly node?: string
  }
  readonly users: readonly DeclaredUser[]
  readonly files: readonly DeclaredFile[]
  readonly timezone: string
  /** How many layers the packages are spread over. */
  readonly layers: number
  readonly user?: string
  readonly workdir?: string
  readonly env: Readonly<Record<string, string>>
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly expose: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

/**
 * Reads the text of a `gantry-base.json`, strictly: what it does not know is refused.
 *
 * @param path for messages
 * @throws BaseError DECLARATION_INVALID
 */
export function parseBaseFile(text: string, path: string): DeclaredBase {
  const value = parseJson(text, path)
  if (!isRecord(value)) throw invalid(path, '', 'an object', value)
  const read = reader(value, path, '')
  read.only(
    'name suite sources architectures packages without include users files timezone layers user workdir env entrypoint cmd expose labels',
  )
  const include = reader(read.record('include'), path, 'include.')
  include.only('shell packageManager node')
  const packageManager = include.truth('packageManager')
  const suite = read.text('suite', wordPattern)
  const sources = read.list('sources')?.map((each, index) => sourceOf(each, path, `sources[${String(index)}]`))
  const node = include.node()
  const user = read.text('user')
  const workdir = read.text('workdir', absolutePattern)
  const packages = read.texts('packages', packagePattern)
  if (packages.length === 0 && node === undefined) throw invalid(path, 'packages', 'at least one package', [])
  const architectures = read.texts('architectures')
  for (const name of architectures) architectureOfOci(name)
  return {
    name: read.text('name') ?? missing(path, 'name', 'the name of the image, such as "localhost/minimal"'),
    ...(suite === undefined ? {} : { suite }),
    ...(sources === undefined ? {} : { sources }),
    architectures: [...new Set(architectures)].toSorted(),
    packages: [...new Set(packages)].toSorted(),
    without: [...new Set(read.texts('without', packagePattern))].toSorted(),
    include: { shell: include.truth('shell') || packageManager, packageManager, ...(node ? { node } : {}) },
    users: (read.list('users') ?? []).map((each, index) => userOf(each, path, `users[${String(index)}]`)),
    files: (read.list('files') ?? []).map((each, index) => fileOf(each, path, `files[${String(index)}]`)),
    timezone: read.text('timezone', /^[A-Za-z0-9_+/-]+$/) ?? 'Etc/UTC',
    layers: read.integer('layers', 1, 60) ?? 8,
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workdir }),
    env: read.strings('env'),
    entrypoint: read.texts('entrypoint'),
    cmd: read.texts('cmd'),
    expose: read
      .texts('expose', /^\d{1,5}(\/(tcp|udp|sctp))?$/)
      .map((port) => (port.includes('/') ? port : `${port}/tcp`)),
    labels: read.strings('labels'),
  }
}

const packagePattern = /^[a-z0-9][a-z0-9+.-]+$/
const wordPattern = /^[A-Za-z0-9][\w./-]*$/
const absolutePattern = /^\/(?!.*(?:^|\/)\.\.?(?:\/|$))[^\0]*$/
const namePattern = /^[a-z_][a-z0-9_-]{0,31}$/

function sourceOf(value: unknown, path: string, place: string): DeclaredSource {
  const read = reader(value, path, `${place}.`)
  read.only('url suites components signedBy')
  const signedBy = read.text('signedBy', absolutePattern)
  const suites = read.texts('suites', wordPattern)
  if (suites.length === 0) throw invalid(path, `${place}.suites`, 'at least one suite', [])
  const components = read.texts('components', wordPattern)
  return {
    url: read.text('url', /^(https?|file|copy):\S+$/) ?? missing(path, `${place}.url`, 'an address'),
    suites,
    components: components.length === 0 ? ['main'] : components,
    ...(signedBy === undefined ? {} : { signedBy }),
  }
}

function userOf(value: unknown, path: string, place: string): DeclaredUser {
  const read = reader(value, path, `${place}.`)
  read.only('name uid gid home shell')
  const name = read.text('name', namePattern) ?? missing(path, `${place}.name`, 'a name')
  const uid = read.integer('uid', 1, 65_533) ?? missing(path, `${place}.uid`, 'a number')
  return {
    name,
    uid,
    gid: read.integer('gid', 1, 65_533) ?? uid,
    home: read.text('home', /^\/[^\0:\n]*$/) ?? `/home/${name}`,
    shell: read.text('shell', /^\/[^\0:\n]*$/) ?? '/usr/sbin/nologin',
  }
}

function fileOf(value: unknown, path: string, place: string): DeclaredFile {
  const read = reader(value, path, `${place}.`)
  read.only('from to mode owner')
  const mode = read.text('mode', /^0?[0-7]{3,4}$/)
  return {
    from: read.text('from') ?? missing(path, `${place}.from`, 'a path beside this file'),
    to: read.text('to', absolutePattern) ?? missing(path, `${place}.to`, 'an absolute path of the image'),
    ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
    owner: read.text('owner', /^([a-z_][a-z0-9_-]*|\d+)$/) ?? 'root',
  }
}

interface Reader {
  only(names: string): void
  text(name: string, pattern?: RegExp): string | undefined
  texts(name: string, pattern?: RegExp): readonly string[]
  strings(name: string): Readonly<Record<string, string>>
  integer(name: string, least: number, most: number): number | undefined
  truth(name: string): boolean
  list(name: string): readonly unknown[] | undefined
  record(name: string): unknown
  node(): string | undefined
}

function reader(value: unknown, path: string, place: string): Reader {
  if (!isRecord(value)) throw invalid(path, place.slice(0, -1), 'an object', value)
  const get = (name: string): unknown => (Object.hasOwn(value, name) ? value[name] : undefined)
  const refuse = (name: string, expected: string, found: unknown = get(name)): BaseError =>
    invalid(path, `${place}${name}`, expected, found)
  const isText = (found: unknown, pattern?: RegExp): found is string =>
    typeof found === 'string' && found !== '' && !found.includes('\0') && pattern?.test(found) !== false
  const list = (name: string): readonly unknown[] | undefined => {
    const found = get(name)
    if (found !== undefined && !Array.isArray(found)) throw refuse(name, 'a list')
    return found
  }
  return {
    only(names) {
      const known = names.split(' ')
      const unknown = Object.keys(value).find((name) => !known.includes(name) && name !== '$schema')
      if (unknown !== undefined) throw refuse(unknown, `one of ${known.join(', ')}`, unknown)
    },
    text(name, pattern) {
      const found = get(name)
      if (found === undefined) return undefined
      if (!isText(found, pattern))
        throw refuse(name, pattern === undefined ? 'a text' : `a text like ${String(pattern)}`)
      return found
    },
    texts: (name, pattern) =>
      (list(name) ?? []).map((found) => {
        if (!isText(found, pattern))
          throw refuse(name, pattern === undefined ? 'texts' : `texts like ${String(pattern)}`, found)
        return found
      }),
    strings(name) {
      const found = get(name) ?? {}
      if (!isRecord(found)) throw refuse(name, 'an object with texts')
      for (const [key, text] of Object.entries(found))
        if (key === '' || key.includes('=') || typeof text !== 'string') throw refuse(`${name}.${key}`, 'a text', text)
      return found as Readonly<Record<string, string>>
    },
    integer(name, least, most) {
      const found = get(name)
      if (found === undefined) return undefined
      if (!Number.isInteger(found) || Number(found) < least || Number(found) > most)
        throw refuse(name, `a number from ${String(least)} to ${String(most)}`)
      return Number(found)
    },
    truth(name) {
      const found = get(name) ?? false
      if (typeof found !== 'boolean') throw refuse(name, 'true or false')
      return found
    },
    list,
    record: (name) => get(name) ?? {},
    node() {
      const found = get('node') ?? false
      if (found === false) return undefined
      if (found === true) return process.versions.node
      if (isText(found, /^\d+\.\d+\.\d+$/)) return found
      throw refuse('node', 'true, false or a version such as "26.10.0"')
    },
  }
}

/** Parses JSON. @throws BaseError DECLARATION_INVALID with the place in the text */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const before = text.slice(0, errorOffset(text)).split('\n')
    const place = `${path}:${String(before.length)}:${String((before.at(-1) ?? '').length + 1)}`
    throw new BaseError('DECLARATION_INVALID', `Cannot read "${place}": ${reason}`, { cause })
  }
}

/** Where a text stops being JSON: V8 does not always say it, but its beginnings are merely unfinished up to there. */
function errorOffset(text: string): number {
  let [whole, damaged] = [0, text.length]
  while (whole < damaged) {
    const middle = Math.ceil((whole + damaged) / 2)
    if (isUnfinished(text.slice(0, middle))) whole = middle
    else damaged = middle - 1
  }
  return whole
}

function isUnfinished(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    const reason = String(error)
    return /end of JSON|Unterminated/.test(reason) || Number(/at position (\d+)/.exec(reason)?.[1]) === text.length
  }
}

function invalid(path: string, place: string, expected: string, found: unknown): BaseError {
  const shown = JSON.stringify(found)?.slice(0, 100) ?? 'nothing'
  const where = place === '' ? `"${path}"` : `"${place}" in "${path}"`
  return new BaseError('DECLARATION_INVALID', `Cannot use ${where}: expected ${expected}, found ${shown}`)
}

function missing(path: string, place: string, expected: string): never {
  throw invalid(path, place, expected, undefined)
}
