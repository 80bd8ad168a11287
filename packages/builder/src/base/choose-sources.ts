import type { AptSource } from './apt-source.ts'
import { BaseError } from './base-error.ts'
import { archiveKeyring, type Distribution } from './distribution.ts'
import type { Repository } from './repository.ts'

/** What a base image's packages are taken from: repositories of one release, the release itself first. */
export interface PackageSources {
  readonly distribution: Distribution
  readonly repositories: readonly Repository[]
}

/** What the person asked for, over what the host's configuration says. */
export interface SourceChoice {
  readonly distribution: Distribution
  /** The address of a mirror that has the release; the host's repositories are then not used. */
  readonly mirror?: string
  /** Whether the archive's key file exists on this host. */
  readonly hasKeyring: (path: string) => boolean
}

const wantedComponents: Readonly<Record<Distribution['id'], readonly string[]>> = {
  debian: ['main'],
  ubuntu: ['main', 'universe'],
}

/**
 * Picks the release, its updates and its security updates from the host's sources, or makes them from a mirror.
 * Third-party repositories (other suites, other keys, other components) are left out, so that the image is the
 * distribution's and nothing else.
 *
 * @throws BaseError MIRROR_MISSING when the host has no such repository and no mirror was named
 */
export function chooseSources(sources: readonly AptSource[], choice: SourceChoice): PackageSources {
  const { distribution, mirror } = choice
  if (mirror !== undefined) return { distribution, repositories: [fromMirror(mirror, choice)] }
  const repositories = sources
    .filter((source) => isOfArchive(source, distribution))
    .flatMap((source) =>
      source.suites
        .filter((suite) => isOfRelease(suite, distribution))
        .map((suite) => repositoryOf(source, suite, distribution)),
    )
    .filter((repository) => repository.components.length > 0)
    .sort((a, b) => a.suite.length - b.suite.length || (a.suite < b.suite ? -1 : 1))
  const unique = repositories.filter(
    (one, index) => repositories.findIndex((other) => other.suite === one.suite && other.uri === one.uri) === index,
  )
  if (!unique.some((repository) => isRelease(repository.suite, distribution))) {
    throw new BaseError(
      'MIRROR_MISSING',
      `Cannot tell where the packages of ${distribution.id} ${distribution.codename} come from: this host's APT configuration names no repository of it`,
      { hint: `name one: "gantry base build debian --mirror URL --suite ${distribution.codename}"` },
    )
  }
  return { distribution, repositories: unique }
}

function fromMirror(mirror: string, choice: SourceChoice): Repository {
  const keyring = archiveKeyring(choice.distribution.id)
  return {
    uri: mirror,
    suite: choice.distribution.codename,
    components: wantedComponents[choice.distribution.id],
    ...(choice.hasKeyring(keyring) ? { signedBy: [keyring] } : {}),
  }
}

// A vendor may use the release's name for its own suite and "main" for its component: its key gives it away.
function isOfArchive(source: AptSource, { id }: Distribution): boolean {
  if (source.signedByKey !== undefined) return false
  return source.signedBy === undefined || source.signedBy.some((path) => path.includes(`${id}-archive`))
}

function repositoryOf(source: AptSource, suite: string, { id }: Distribution): Repository {
  return {
    uri: source.uris[0] ?? '',
    suite,
    components: source.components.filter((component) => wantedComponents[id].includes(component)),
    ...(source.signedBy === undefined ? {} : { signedBy: source.signedBy }),
  }
}

const rolling = ['stable', 'testing', 'unstable', 'sid']

function isRelease(suite: string, { id, codename }: Distribution): boolean {
  return suite === codename || (id === 'debian' && rolling.includes(suite))
}

function isOfRelease(suite: string, distribution: Distribution): boolean {
  return isRelease(suite.replace(/(-updates|-security|\/updates)$/, ''), distribution)
}
