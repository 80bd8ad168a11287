import { access } from 'node:fs/promises'
import type { PackageSources } from '../choose-sources.ts'
import { archiveKeyring, type Distribution } from '../distribution.ts'
import { readHostSources } from '../read-host-sources.ts'
import type { DeclaredBase } from './base-file.ts'

/** What stands over a declaration. */
export interface SourceOverride {
  /** A mirror that has the release; the repositories of the declaration are then not used. */
  readonly mirror?: string
  /** The release that was locked. */
  readonly suite?: string
}

/**
 * The repositories that packages of a declared image are taken from: the declaration's own, or this machine's.
 *
 * @throws BaseError MIRROR_MISSING, SOURCES_INVALID
 */
export async function declaredSources(declared: DeclaredBase, override: SourceOverride): Promise<PackageSources> {
  const { sources } = declared
  const suite = override.suite ?? declared.suite
  if (sources === undefined || override.mirror !== undefined) {
    return readHostSources({
      ...(override.mirror === undefined ? {} : { mirror: override.mirror }),
      ...(suite === undefined ? {} : { suite }),
    })
  }
  const id = sources.some(({ url }) => /\/ubuntu(-ports)?\/?$/.test(url)) ? 'ubuntu' : 'debian'
  const distribution: Distribution = { id, codename: suite ?? sources[0]?.suites[0] ?? 'stable' }
  const keyring = archiveKeyring(id)
  const hasKeyring = await access(keyring).then(
    () => true,
    () => false,
  )
  const repositories = sources.flatMap(({ url, suites, components, signedBy = hasKeyring ? keyring : undefined }) =>
    suites.map((each) => ({
      uri: url,
      suite: each,
      components,
      ...(signedBy === undefined ? {} : { signedBy: [signedBy] }),
    })),
  )
  return { distribution, repositories }
}
