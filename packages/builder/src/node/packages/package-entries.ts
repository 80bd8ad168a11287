import { posix } from 'node:path'
import { readTar, type TarInput } from '@gantry/tar'
import { ancestorsOf } from '../../files/resolve-path.ts'
import { relativeLink } from '../layout/relative-link.ts'
import type { PlacedPackage } from '../layout/layout.ts'
import type { PackageCache, ResolvedPackage } from './package-cache.ts'
import { pathInPackage } from './package-about.ts'

/** A package in its place that is known by its checksum. */
export interface ResolvedPlace {
  readonly placed: PlacedPackage
  readonly resolved: ResolvedPackage
}

/** Where packages are put. */
export interface EntriesOptions {
  /** The project's directory in the image, without a slash at its ends. */
  readonly prefix: string
  /** Seconds. */
  readonly epoch: number
}

/**
 * The entries of a layer of packages: straight from their tarballs, one after the other, with equal owners, modes and times, so that
 * they depend on nothing but the packages. Links in tarballs are left out, as npm does.
 */
export async function* packageEntries(
  cache: PackageCache,
  places: readonly ResolvedPlace[],
  { prefix, epoch }: EntriesOptions,
): AsyncGenerator<TarInput> {
  const common = { uid: 0, gid: 0, mtime: epoch }
  const made = new Set<string>()
  function* directories(path: string): Generator<TarInput> {
    for (const directory of ancestorsOf(path)) {
      if (made.has(directory)) continue
      made.add(directory)
      yield { header: { path: directory, type: 'directory', mode: 0o755, size: 0, ...common } }
    }
  }
  for (const { placed, resolved } of places) {
    const about = await cache.about(resolved)
    const root = `${prefix}/${placed.path}`
    const programs = new Set(Object.values(about.bin))
    const files = new Set<string>()
    for await (const { header, body } of readTar(cache.open(resolved, about))) {
      const inner = pathInPackage(header.path, resolved.name)
      if (inner === undefined || header.type !== 'file' || files.has(inner)) continue
      files.add(inner)
      const path = `${root}/${inner}`
      yield* directories(path)
      const mode = (header.mode & 0o111) !== 0 || programs.has(inner) ? 0o755 : 0o644
      yield { header: { path, type: 'file', mode, size: header.size, ...common }, body }
    }
    for (const bins of placed.bins) {
      for (const [name, file] of Object.entries(about.bin).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        const path = posix.join(prefix, bins, name)
        if (!files.has(file) || made.has(path)) continue
        made.add(path)
        yield* directories(path)
        const linkPath = relativeLink(`${bins}/${name}`, `${placed.path}/${file}`)
        yield { header: { path, type: 'symlink', mode: 0o777, size: 0, linkPath, ...common } }
      }
    }
  }
}
