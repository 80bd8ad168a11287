import { BuildError } from '../../build-error.ts'
import type { LockedPackage } from '../lock/lock.ts'
import { fitsPlatform } from './fits-platform.ts'
import type { Layout, LayoutRequest, PlacedLink, PlacedPackage } from './layout.ts'
import { byPath, relativeLink } from './relative-link.ts'

/** What the walk through a lockfile gathers, whatever package manager wrote it. */
export class Placement {
  readonly #request: LayoutRequest
  readonly #install: string
  readonly #packages = new Map<string, PlacedPackage>()
  readonly #links = new Map<string, PlacedLink>()
  readonly #entered = new Set<string>()
  readonly #workspaces = new Set<string>()

  /** @param install the command that writes the lockfile anew, for hints */
  constructor(request: LayoutRequest, install: string) {
    this.#request = request
    this.#install = install
  }

  /** How many packages have a place. */
  get size(): number {
    return this.#packages.size
  }

  /** Whether something lies at a path as a link. */
  hasLink(path: string): boolean {
    return this.#links.has(path)
  }

  /** Puts a package at a path, with links to its programs in `bins`. */
  put(path: string, locked: LockedPackage, bins: readonly string[]): void {
    this.#packages.set(path, { locked, path, bins })
  }

  /** Puts a link at a path to another path of the project. */
  link(path: string, to: string): void {
    this.#links.set(path, { path, target: relativeLink(path, to) })
  }

  /** Follows a workspace, the first time that it is asked for; those that it follows come before it. @throws BuildError LOCKFILE_STALE */
  enter<T>(directory: string, found: T | undefined, follow: (found: T) => void): void {
    if (this.#entered.has(directory)) return
    this.#entered.add(directory)
    if (found === undefined) {
      const message = `Cannot use the lockfile: it does not have the workspace "${directory}"`
      throw new BuildError('LOCKFILE_STALE', message, { hint: `run "${this.#install}" and commit the lockfile` })
    }
    follow(found)
    this.#workspaces.add(directory)
  }

  /** Whether a package is for the platform; one that is not may only be left out where it is optional. @throws BuildError PLATFORM_UNSUPPORTED */
  fits(locked: LockedPackage, optional: boolean): boolean {
    const { platform } = this.#request
    if (fitsPlatform(locked, platform)) return true
    if (optional) return false
    const which = `${locked.name}@${locked.version}`
    const message = `Cannot install "${which}" for ${platform.os}/${platform.cpu}: the package says that it is not for it`
    throw new BuildError('PLATFORM_UNSUPPORTED', message)
  }

  layout(): Layout {
    return {
      packages: [...this.#packages.values()].toSorted(byPath),
      links: [...this.#links.values()].toSorted(byPath),
      workspaces: [...this.#workspaces],
    }
  }
}
