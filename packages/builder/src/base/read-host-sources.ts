import { access, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseSourceLines, parseSourceStanzas, type AptSource } from './apt-source.ts'
import { chooseSources, type PackageSources } from './choose-sources.ts'
import { archiveKeyring, readDistribution, type Distribution } from './distribution.ts'

/** Where packages are taken from; everything that is not given comes from the host. */
export interface HostSourceOptions {
  readonly mirror?: string
  readonly suite?: string
  /** The directory that stands for "/". Default: "/". */
  readonly root?: string
}

/**
 * Finds out where this host's distribution takes its packages from, by its APT configuration (both styles).
 * `mirror+file:` lists are replaced by their first address, for the image will not have the list.
 *
 * @throws BaseError MIRROR_MISSING or SOURCES_INVALID
 */
export async function readHostSources(options: HostSourceOptions = {}): Promise<PackageSources> {
  const root = options.root ?? '/'
  const distribution = await hostDistribution(root, options)
  const keyring = archiveKeyring(distribution.id)
  const hasKeyring = await exists(join(root, keyring))
  const found = await readSources(root)
  const chosen = chooseSources(found, {
    distribution,
    hasKeyring: (path) => path === keyring && hasKeyring,
    ...(options.mirror === undefined ? {} : { mirror: options.mirror }),
  })
  const repositories = await Promise.all(
    chosen.repositories.map(async (one) => ({ ...one, uri: await firstOfList(root, one.uri) })),
  )
  return { distribution, repositories }
}

async function hostDistribution(root: string, options: HostSourceOptions): Promise<Distribution> {
  const text =
    (await readIfThere(join(root, 'etc/os-release'))) ?? (await readIfThere(join(root, 'usr/lib/os-release')))
  if (options.mirror !== undefined && options.suite !== undefined) {
    // A mirror of either distribution may be named on any host; only Ubuntu's lie below this name.
    return { id: /\/ubuntu(-ports)?\/?$/.test(options.mirror) ? 'ubuntu' : 'debian', codename: options.suite }
  }
  const host = readDistribution(text ?? '')
  return options.suite === undefined ? host : { ...host, codename: options.suite }
}

async function readSources(root: string): Promise<AptSource[]> {
  const directory = join(root, 'etc/apt/sources.list.d')
  const parts = (await readdir(directory).catch((): string[] => []))
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => join(directory, name))
  const sources: AptSource[] = []
  for (const path of [join(root, 'etc/apt/sources.list'), ...parts]) {
    const parse = path.endsWith('.list') ? parseSourceLines : path.endsWith('.sources') ? parseSourceStanzas : undefined
    const text = parse === undefined ? undefined : await readIfThere(path)
    if (parse !== undefined && text !== undefined) sources.push(...parse(text, path))
  }
  return sources
}

async function firstOfList(root: string, uri: string): Promise<string> {
  const match = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(uri)
  if (match === null) return uri
  const list = (await readIfThere(join(root, match[1] ?? ''))) ?? ''
  const first = list
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim().split(/\s/)[0] ?? '')
    .find((line) => line !== '')
  return first ?? uri
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
