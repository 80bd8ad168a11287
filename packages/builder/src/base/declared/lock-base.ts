import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openAptSession } from '../apt-session.ts'
import type { BaseEvent } from '../base-event.ts'
import { BaseError } from '../base-error.ts'
import type { PackageSources } from '../choose-sources.ts'
import { architectureNames, architectureOfOci, type ArchitectureNames } from '../debian-architecture.ts'
import { integrityOf, packFromNpm } from '../npm-release.ts'
import type { DeclaredBase } from './base-file.ts'
import {
  declarationKey,
  type BaseLock,
  type LockedArchitecture,
  type LockedNode,
  type LockedPackage,
} from './base-lock.ts'
import { choosePackages, type ChosenPackage } from './choose-packages.ts'
import { declaredSources } from './declared-sources.ts'

/** How packages are locked. */
export interface LockOptions {
  /** Kept between runs: lists of packages; made when it is not there. */
  readonly directory: string
  /** A mirror that has the release, instead of the repositories of the declaration. */
  readonly mirror?: string
  readonly onEvent?: (event: BaseEvent) => void
  readonly signal?: AbortSignal
}

/**
 * Chooses the packages of a declared image for each of its architectures with an APT of its own, which verifies the
 * signatures of the lists. Nothing is downloaded but lists (and Node's packages, for their checksums); needs no root.
 *
 * @throws BaseError
 */
export async function lockBase(declared: DeclaredBase, options: LockOptions): Promise<BaseLock> {
  const sources = await declaredSources(declared, options)
  const names =
    declared.architectures.length === 0 ? [architectureNames()] : declared.architectures.map(architectureOfOci)
  await mkdir(options.directory, { recursive: true })
  const architectures: [string, LockedArchitecture][] = []
  for (const architecture of names) {
    const packages = await lockArchitecture(declared, { architecture, sources, options })
    const version = declared.include.node
    const node = version === undefined ? {} : { node: await lockNode(version, architecture, options) }
    architectures.push([architecture.oci, { packages, ...node }])
  }
  return {
    distribution: sources.distribution,
    declaration: declarationKey(declared),
    architectures: Object.fromEntries(architectures.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  }
}

async function lockArchitecture(
  declared: DeclaredBase,
  {
    architecture,
    sources,
    options,
  }: { readonly architecture: ArchitectureNames; readonly sources: PackageSources; readonly options: LockOptions },
): Promise<readonly LockedPackage[]> {
  const { id, codename } = sources.distribution
  const message = `reading the package lists of ${id} ${codename} for ${architecture.debian}`
  options.onEvent?.({ kind: 'base-step', name: declared.name, message })
  const purpose = `lock-${String(process.pid)}-${String(Date.now())}`
  let isFresh = false
  try {
    const chosen = await choosePackages(declared, sources.distribution, async (installed) => {
      const apt = await openAptSession({
        directory: options.directory,
        purpose,
        architecture: architecture.debian,
        repositories: sources.repositories,
        installed,
        ...(options.signal && { signal: options.signal }),
      })
      if (!isFresh) await apt.update()
      isFresh = true
      return apt
    })
    return chosen.map((each) => lockedPackage(each, sources))
  } finally {
    await rm(join(options.directory, purpose), { recursive: true, force: true })
  }
}

function lockedPackage({ planned, fields }: ChosenPackage, { repositories }: PackageSources): LockedPackage {
  const filename = fields.get('filename') ?? ''
  const from = decodeURIComponent(planned.uri).slice(0, -filename.length).replace(/\/$/, '')
  const repository = repositories.find(({ uri }) => decodeURIComponent(uri).replace(/\/$/, '') === from)
  const size = Number(fields.get('size'))
  return {
    name: planned.name,
    version: planned.version,
    architecture: planned.architecture,
    filename,
    suite: (repository ?? repositories[0])?.suite ?? '',
    size,
    sha256: fields.get('sha256') ?? '',
  }
}

/** Node's package of npm for an architecture, fetched for its checksum and kept for the build. */
async function lockNode(version: string, architecture: ArchitectureNames, options: LockOptions): Promise<LockedNode> {
  const name = `node-linux-${architecture.node}`
  options.onEvent?.({ kind: 'base-step', name, message: `reading ${name} ${version}` })
  const kept = join(options.directory, nodeFile(name, version))
  let integrity = await integrityOf(kept)
  if (integrity === undefined) {
    await fetchNode({ package: name, version }, options)
    integrity = await integrityOf(kept)
  }
  if (integrity === undefined) throw new BaseError('NPM_UNAVAILABLE', `Cannot fetch ${name} ${version}`)
  return { package: name, version, integrity }
}

/** Where a package of Node is kept. */
export function nodeFile(name: string, version: string): string {
  return `${name}-${version}.tgz`
}

/** Fetches a package of Node with the machine's npm, into the directory where it is kept. */
export async function fetchNode(
  node: Pick<LockedNode, 'package' | 'version'>,
  { directory, signal }: Pick<LockOptions, 'directory' | 'signal'>,
): Promise<void> {
  const place = join(directory, `npm-${String(process.pid)}-${String(Date.now())}`)
  await mkdir(place, { recursive: true })
  try {
    await packFromNpm(`${node.package}@${node.version}`, place, signal)
    const [file] = (await readdir(place)).filter((each) => each.endsWith('.tgz'))
    if (file !== undefined) await rename(join(place, file), join(directory, nodeFile(node.package, node.version)))
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}
