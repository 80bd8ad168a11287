import type { PackageSources } from '../choose-sources.ts'
import { aptHabits, printSources, slimOptions } from '../debian-layer.ts'
import { archiveKeyring, type Distribution } from '../distribution.ts'
import type { DeclaredBase } from './base-file.ts'
import { putFile, type BaseRoot } from './base-root.ts'

/** Sets up the package manager of an image: where it gets packages from, if that is declared, and the habits of a slim image. */
export function managePackages(root: BaseRoot, declared: DeclaredBase, distribution: Distribution): void {
  if (!declared.include.packageManager) return
  const { sources } = declared
  if (sources !== undefined) {
    const path = `etc/apt/sources.list.d/${distribution.id}.sources`
    putFile(root, path, printSources(sourcesOf(sources, distribution)))
  }
  putFile(root, 'etc/apt/apt.conf.d/gantry-slim', aptHabits)
  putFile(root, 'etc/dpkg/dpkg.cfg.d/gantry-slim', `${slimOptions.join('\n')}\n`)
  putFile(root, 'usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', { mode: 0o755 })
}

/** The declared repositories. Those of this machine are not the image's: equal locks make equal images. */
function sourcesOf(sources: NonNullable<DeclaredBase['sources']>, distribution: Distribution): PackageSources {
  const signedBy = [archiveKeyring(distribution.id)]
  const repositories = sources.flatMap(({ url, suites, components }) =>
    suites.map((suite) => ({ uri: url, suite, components, signedBy })),
  )
  return { distribution, repositories }
}
