import type { PackageSources } from '../choose-sources.ts'
import { aptHabits, printSources, slimOptions } from '../debian-layer.ts'
import { archiveKeyring, type Distribution } from '../distribution.ts'
import type { DeclaredBase } from './base-file.ts'
import { putFile, type BaseRoot } from './base-root.ts'

/** Sets up the package manager of an image: where it gets packages from, and the habits of a slim image. */
export function managePackages(root: BaseRoot, declared: DeclaredBase, distribution: Distribution): void {
  if (!declared.include.packageManager) return
  putFile(root, `etc/apt/sources.list.d/${distribution.id}.sources`, printSources(sourcesOf(declared, distribution)))
  putFile(root, 'etc/apt/apt.conf.d/gantry-slim', aptHabits)
  putFile(root, 'etc/dpkg/dpkg.cfg.d/gantry-slim', `${slimOptions.join('\n')}\n`)
  putFile(root, 'usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', { mode: 0o755 })
}

/** The declared repositories, else the distribution's public ones: not this machine's, for equal locks make equal images. */
function sourcesOf({ sources }: DeclaredBase, distribution: Distribution): PackageSources {
  const { id, codename } = distribution
  const signedBy = [archiveKeyring(id)]
  if (sources !== undefined) {
    const repositories = sources.flatMap(({ url, suites, components }) =>
      suites.map((suite) => ({ uri: url, suite, components, signedBy })),
    )
    return { distribution, repositories }
  }
  const [archive, security, components] =
    id === 'debian'
      ? ['http://deb.debian.org/debian', 'http://deb.debian.org/debian-security', ['main']]
      : ['http://archive.ubuntu.com/ubuntu', 'http://security.ubuntu.com/ubuntu', ['main', 'universe']]
  const all = [
    [archive, codename],
    [archive, `${codename}-updates`],
    [security, `${codename}-security`],
  ] as const
  return { distribution, repositories: all.map(([uri, suite]) => ({ uri, suite, components, signedBy })) }
}
