import { RegistryError } from '../registry-error.ts'

/** How a host is spoken to. */
export interface HostConfig {
  /** `http`: without TLS; `unverified`: with TLS, whoever vouches for the certificate. */
  readonly insecure?: 'http' | 'unverified'
  /** Files with certificate authorities (PEM) that are trusted beside the usual ones. */
  readonly ca?: readonly string[]
  /** Files with our certificate and its key (PEM). */
  readonly cert?: string
  readonly key?: string
  /** Whether it may lead us, by redirects or as its token service, to private addresses though its own is not. Default: false. */
  readonly private?: boolean
}

/** Another host that is asked before the registry itself when something is pulled. */
export interface MirrorConfig {
  /** `mirror.example:5000`. */
  readonly host: string
  /** `hub` of `mirror.example/hub`: it has the registry's repositories below that name. */
  readonly prefix?: string
  /** Whether it is asked what a tag stands for; without, only for what has a digest. Default: true. */
  readonly resolve: boolean
  /** Whether it is told which registry is meant (`?ns=docker.io`). Default: true without a prefix. */
  readonly namespace: boolean
}

/** How registries are reached. */
export interface RegistriesConfig {
  /** By host and port as in references; Docker Hub is `docker.io`. */
  readonly hosts: ReadonlyMap<string, HostConfig>
  /** By registry, in the order in which they are asked. */
  readonly mirrors: ReadonlyMap<string, readonly MirrorConfig[]>
}

const hostPattern = /^(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/
const mirrorPattern =
  /^((?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?)(?:\/([a-z0-9._-]+(?:\/[a-z0-9._-]+)*))?\/?$/

/**
 * Reads the text of a `registries.json`:
 *
 *     { "registries": { "docker.io": { "mirrors": ["mirror.example:5000", { "host": "…", "resolve": false, "namespace": false }] },
 *                       "mirror.example:5000": { "insecure": "http" | "unverified" | true, "ca": "file.pem", "cert": "…", "key": "…", "private": true } },
 *       "registry-mirrors": ["https://mirror.example"], "insecure-registries": ["10.0.0.1:5000"] }
 *
 * The last two are Docker's, as in its `daemon.json`, and mean Docker Hub's mirrors and hosts without TLS. Unknown keys are refused.
 *
 * @throws {RegistryError} CONFIG_INVALID, with the file and the place in it
 */
export function parseRegistriesConfig(text: string, file: string): RegistriesConfig {
  const root = objectOf(parse(text, file), { file, path: '' }, [
    'registries',
    'registry-mirrors',
    'insecure-registries',
  ])
  const hosts = new Map<string, HostConfig>()
  const mirrors = new Map<string, readonly MirrorConfig[]>()
  for (const [host, value] of Object.entries(objectOf(root['registries'] ?? {}, { file, path: 'registries' }))) {
    const at = { file, path: `registries[${JSON.stringify(host)}]` }
    if (!hostPattern.test(host)) fail(at, 'is no host')
    const entry = objectOf(value, at, ['mirrors', 'insecure', 'ca', 'cert', 'key', 'private'])
    const listed = listOf(entry['mirrors'], { ...at, path: `${at.path}.mirrors` })
    if (listed.length > 0)
      mirrors.set(
        host,
        listed.map((each, index) => mirrorOf(each, below(at, `mirrors[${index}]`))),
      )
    hosts.set(host, hostOf(entry, at))
  }
  const docker = listOf(root['registry-mirrors'], { file, path: 'registry-mirrors' }).map((each, index) => {
    const at = { file, path: `registry-mirrors[${index}]` }
    const [, scheme, host = ''] = /^(?:(https?):\/\/)?(.*?)\/*$/.exec(textOf(each, at)) ?? []
    if (scheme === 'http') hosts.set(host, { insecure: 'http', ...hosts.get(host) })
    return mirrorOf(host, at)
  })
  if (docker.length > 0) mirrors.set('docker.io', [...(mirrors.get('docker.io') ?? []), ...docker])
  listOf(root['insecure-registries'], { file, path: 'insecure-registries' }).forEach((each, index) => {
    const at = { file, path: `insecure-registries[${index}]` }
    const host = textOf(each, at)
    if (!hostPattern.test(host)) fail(at, 'is no host')
    hosts.set(host, { insecure: 'http', ...hosts.get(host) })
  })
  return { hosts, mirrors }
}

interface Place {
  readonly file: string
  readonly path: string
}

function below({ file, path }: Place, name: string): Place {
  return { file, path: `${path}.${name}` }
}

function fail({ file, path }: Place, problem: string): never {
  const where = path === '' ? 'it' : path
  throw new RegistryError('CONFIG_INVALID', `Cannot use ${JSON.stringify(file)}: ${where} ${problem}`)
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    throw new RegistryError('CONFIG_INVALID', `Cannot use ${JSON.stringify(file)}: it is not JSON: ${problem}`)
  }
}

function objectOf(value: unknown, at: Place, keys?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(at, 'is no object')
  const unknown = keys === undefined ? undefined : Object.keys(value).find((key) => !keys.includes(key))
  if (unknown !== undefined) fail(at, `has an unknown key ${JSON.stringify(unknown)}; there are ${keys?.join(', ')}`)
  return value as Readonly<Record<string, unknown>>
}

function listOf(value: unknown, at: Place): readonly unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : fail(at, 'is no list')
}

function textOf(value: unknown, at: Place): string {
  return typeof value === 'string' && value !== '' ? value : fail(at, 'is no text')
}

function mirrorOf(value: unknown, at: Place): MirrorConfig {
  const entry = typeof value === 'string' ? { host: value } : objectOf(value, at, ['host', 'resolve', 'namespace'])
  const host = textOf(Reflect.get(entry, 'host'), below(at, 'host'))
  const [, name = '', prefix] = mirrorPattern.exec(host) ?? fail(at, 'is no host')
  return {
    host: name,
    ...(prefix === undefined ? {} : { prefix }),
    resolve: truthOf(entry, 'resolve', at) ?? true,
    namespace: truthOf(entry, 'namespace', at) ?? prefix === undefined,
  }
}

function truthOf(entry: object, key: string, at: Place): boolean | undefined {
  const value: unknown = Reflect.get(entry, key)
  if (value === undefined) return undefined
  return typeof value === 'boolean' ? value : fail(below(at, key), 'is neither true nor false')
}

function hostOf(entry: Readonly<Record<string, unknown>>, at: Place): HostConfig {
  const { insecure, ca, cert, key } = entry
  if ((cert === undefined) !== (key === undefined)) fail(at, 'needs both cert and key, or neither')
  const kind = insecure === true ? 'http' : insecure === false ? undefined : insecure
  if (kind !== undefined && kind !== 'http' && kind !== 'unverified') {
    fail(below(at, 'insecure'), 'is neither "http", "unverified", true nor false')
  }
  const isPrivate = truthOf(entry, 'private', at)
  const files = typeof ca === 'string' ? [ca] : listOf(ca, below(at, 'ca')).map((each) => textOf(each, below(at, 'ca')))
  return {
    ...(kind === undefined ? {} : { insecure: kind }),
    ...(isPrivate === undefined ? {} : { private: isPrivate }),
    ...(files.length === 0 ? {} : { ca: files }),
    ...(cert === undefined ? {} : { cert: textOf(cert, below(at, 'cert')), key: textOf(key, below(at, 'key')) }),
  }
}
