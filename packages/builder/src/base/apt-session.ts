import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessError, run } from '@gantry/process'
import { BaseError } from './base-error.ts'
import { formatRepository, type Repository } from './repository.ts'

/** A package that APT has chosen. */
export interface PlannedPackage {
  readonly name: string
  readonly version: string
  readonly architecture: string
  /** The name of its file among the downloaded ones. */
  readonly file: string
  /** Where APT would download it from. */
  readonly uri: string
}

/** What an APT of its own works with. */
export interface AptSessionOptions {
  /** Kept between builds, so that nothing is downloaded twice; made when it is not there. */
  readonly directory: string
  /** Who downloads: sessions of the same name share one directory of packages. */
  readonly purpose: string
  /** Debian's name. */
  readonly architecture: string
  readonly repositories: readonly Repository[]
  /** Text of dpkg's status file: what APT takes for installed. Default: nothing. */
  readonly installed?: string
  readonly signal?: AbortSignal
}

/**
 * An APT beside the host's: it has its own lists, its own packages and an empty set of installed ones, and needs no
 * root. Signatures and checksums are verified by APT with the host's keys; proxies and credentials are the host's.
 * Several sessions may use a directory at once.
 */
export interface AptSession {
  /** Where the downloaded packages lie. */
  readonly archives: string
  /** Lines of configuration that the host needs to reach its mirrors, such as a proxy. */
  readonly settings: readonly string[]
  /** Gets the lists of packages. */
  update(): Promise<void>
  /** What installing these names (or APT patterns) into an empty root takes, sorted by name. */
  plan(names: readonly string[]): Promise<PlannedPackage[]>
  /** What the lists say of packages, as paragraphs of a `Packages` file; every version that has one. */
  describe(plan: readonly PlannedPackage[]): Promise<string>
  /** Downloads what a plan names, and removes packages of plans of earlier days. */
  download(names: readonly string[], plan: readonly PlannedPackage[]): Promise<void>
}

/** Opens a session; it holds nothing that has to be closed. */
export async function openAptSession(options: AptSessionOptions): Promise<AptSession> {
  const { directory, purpose, repositories, signal } = options
  const lines = repositories.map(formatRepository)
  const lists = join(directory, `lists-${fingerprint([options.architecture, ...lines])}`)
  const home = join(directory, purpose)
  const archives = join(home, 'archives')
  const empty = join(home, 'empty')
  await Promise.all(
    [join(lists, 'partial'), join(archives, 'partial'), join(empty, 'partial')].map((path) =>
      mkdir(path, { recursive: true }),
    ),
  )
  const fromHost = await hostSettings(signal)
  // Named by what it says: a session with other wishes, at the same time, has its own.
  const wishes = fingerprint([options.architecture, ...lines, ...fromHost, options.installed ?? ''])
  const sources = join(home, `sources-${wishes}.list`)
  const status = join(home, `status-${wishes}`)
  const configuration = join(home, `apt-${wishes}.conf`)
  const settings: readonly (readonly [string, string])[] = [
    ['APT::Architecture', options.architecture],
    ['APT::Architectures', options.architecture],
    ['APT::Sandbox::User', 'root'],
    ['APT::Install-Recommends', 'false'],
    ['APT::Get::Assume-Yes', 'true'],
    ['Acquire::Languages', 'none'],
    ['Dir::Etc::Main', '/dev/null'],
    ['Dir::Etc::Parts', empty],
    ['Dir::Etc::Preferences', '/dev/null'],
    ['Dir::Etc::PreferencesParts', empty],
    ['Dir::Etc::SourceList', sources],
    ['Dir::Etc::SourceParts', empty],
    ['Dir::State', home],
    ['Dir::State::Lists', lists],
    ['Dir::State::Status', status],
    ['Dir::Cache', home],
    ['Dir::Cache::Archives', archives],
    ['Dir::Cache::PkgCache', ''],
    ['Dir::Cache::SrcPkgCache', ''],
    ['Dir::Log', home],
  ]
  const text = settings.map(([key, value]) => `${key} ${JSON.stringify(value)};`)
  await Promise.all([
    writeWhole(sources, `${lines.join('\n')}\n`),
    writeWhole(status, options.installed ?? ''),
    writeWhole(configuration, `${[...text, ...fromHost].join('\n')}\n`),
  ])
  const earlier = (await readdir(home)).filter((file) => /^(sources|status|apt)-/.test(file))
  await Promise.all(earlier.map((file) => removeOld(join(home, file))))

  const apt = async (...args: string[]): Promise<string> => {
    // flock waits for another build that uses the same directory; APT itself would fail at once.
    const line = ['--timeout', '900', join(directory, 'lock'), 'apt-get', ...args]
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', APT_CONFIG: configuration }
    try {
      return (await run('flock', line, { env, ...(signal === undefined ? {} : { signal }) })).stdout
    } catch (error) {
      throw unavailable(error, lines)
    }
  }
  const namesKnown = async (names: readonly string[]): Promise<readonly string[]> => {
    if (!names.includes(requiredPackages) || knowsPriorities((await run('apt-get', ['--version'])).stdout)) return names
    const env = { ...process.env, LC_ALL: 'C', APT_CONFIG: configuration }
    const { stdout } = await run('sh', ['-c', 'apt-cache dumpavail | grep -E "^(Package|Priority): "'], { env })
    return [...names.filter((name) => name !== requiredPackages), ...parseRequired(stdout)]
  }
  return {
    archives,
    settings: fromHost,
    update: async () => {
      await apt('update', '-qq', '-o', 'APT::Update::Error-Mode=any')
    },
    // Packages that are there already would not be printed: the plan is made as if none were.
    plan: async (names) => {
      const known = await namesKnown(names)
      return parsePlan(await apt('install', '-qq', '--print-uris', '-o', `Dir::Cache::Archives=${empty}`, ...known))
    },
    describe: async (plan) => {
      const env = { ...process.env, LC_ALL: 'C', APT_CONFIG: configuration }
      const exact = plan.map(({ name, version }) => `${name}=${version}`)
      return (
        await run('apt-cache', ['show', '--quiet', ...exact], { env, ...(signal === undefined ? {} : { signal }) })
      ).stdout
    },
    download: async (names, plan) => {
      await apt('install', '-qq', '--download-only', ...(await namesKnown(names)))
      const wanted = new Set(plan.map(({ file }) => file))
      const others = (await readdir(archives)).filter((file) => file.endsWith('.deb') && !wanted.has(file))
      await Promise.all(others.map((file) => removeOld(join(archives, file))))
    },
  }
}

/** The APT pattern for the distribution's required packages. */
export const requiredPackages = '?priority(required)'

/** Whether an APT, by the answer to `apt-get --version`, knows the pattern above: since 2.3.14. */
export function knowsPriorities(answer: string): boolean {
  const [major = 0, minor = 0, patch = 0] = (/^apt (\d+)\.(\d+)\.(\d+)/.exec(answer) ?? []).slice(1).map(Number)
  return major * 1e6 + minor * 1e3 + patch >= 2_003_014
}

/** The required packages among lines of `apt-cache dumpavail` that hold names and priorities; sorted, each once. */
export function parseRequired(lines: string): string[] {
  const found = lines.matchAll(/^Package: (\S+)\nPriority: required$/gm)
  return [...new Set(Array.from(found, ([, name = '']) => name))].toSorted()
}

/**
 * Reads the lines of `apt-get --print-uris`: `'URI' name_version_architecture.deb SIZE HASH`.
 *
 * @throws BaseError PACKAGES_UNAVAILABLE when nothing can be read from them
 */
export function parsePlan(output: string): PlannedPackage[] {
  const plan = output.split('\n').flatMap((line): PlannedPackage[] => {
    const match = /^'(\S+)' (([^_\s]+)_([^_\s]+)_([^_\s]+)\.deb) \d+/.exec(line)
    if (match === null) return []
    const [, uri = '', file = '', name = '', version = '', architecture = ''] = match
    return [{ name, version: version.replaceAll('%3a', ':'), architecture, file, uri }]
  })
  if (plan.length === 0) {
    throw new BaseError(
      'PACKAGES_UNAVAILABLE',
      `Cannot plan the packages: APT answered "${output.trim().slice(0, 200)}"`,
    )
  }
  return plan.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

// What the host needs to reach its mirrors (proxies, retries, dates on machines with a wrong clock); not its hooks.
async function hostSettings(signal: AbortSignal | undefined): Promise<string[]> {
  const wanted = /^Acquire::((https?|ftp)::|Retries|Check-Valid-Until|Check-Date|Max-FutureTime|ForceIPv[46])/i
  const { stdout } = await run('apt-config', ['dump'], signal === undefined ? {} : { signal })
  return stdout.split('\n').filter((line) => wanted.test(line))
}

/** Removes a file that came more than a day ago: another session may be about to use one that has just come. */
async function removeOld(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined)
  if (there !== undefined && Date.now() - there.ctimeMs > 86_400_000) await rm(path, { force: true })
}

/** Another session may be reading the same file, and never finds it half written. */
async function writeWhole(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${randomUUID()}`
  await writeFile(unfinished, text)
  await rename(unfinished, path)
}

function fingerprint(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12)
}

function unavailable(error: unknown, lines: readonly string[]): unknown {
  if (!(error instanceof ProcessError) || error.code === 'ABORTED') return error
  if (error.code === 'NOT_FOUND') {
    const message = `Cannot make a base image: ${error.message}`
    return new BaseError('TOOL_MISSING', message, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    })
  }
  const said = error.stderr
    .split('\n')
    .filter((line) => line.startsWith('E:') || line.startsWith('Err'))
    .map((line) => line.slice(0, 300))
  const reason = said.length === 0 ? error.message : said.slice(0, 4).join('; ')
  const from = lines.map((line) => line.replace(/:\/\/[^/@\s]*@/g, '://')).join(', ')
  return new BaseError('PACKAGES_UNAVAILABLE', `Cannot get packages from "${from}": ${reason}`, { cause: error })
}
