import { posix } from 'node:path'
import { BuildError } from '../../build-error.ts'
import type { NpmLock, NpmPlace } from '../lock/npm-lock.ts'
import type { Layout, LayoutRequest } from './layout.ts'
import { Placement } from './placement.ts'

/** Chooses from an npm lockfile what a target needs, each package where the lockfile puts it. @throws BuildError LOCKFILE_STALE */
export function npmLayout(lock: NpmLock, request: LayoutRequest): Layout {
  return new NpmWalk(lock, request).layout()
}

class NpmWalk {
  readonly #lock: NpmLock
  readonly #request: LayoutRequest
  readonly #placement: Placement
  readonly #reached = new Set<string>()

  constructor(lock: NpmLock, request: LayoutRequest) {
    this.#lock = lock
    this.#request = request
    this.#placement = new Placement(request, 'npm install')
  }

  layout(): Layout {
    const { target, dev } = this.#request
    this.#enterWorkspace(target)
    if (dev) this.#follow('', this.#lock.get('')?.devDependencies.keys() ?? [], false)
    return this.#placement.layout()
  }

  #enterWorkspace(directory: string): void {
    this.#placement.enter(directory, this.#lock.get(directory), (place) => {
      this.#enter(directory, place)
      if (this.#request.dev) this.#follow(directory, place.devDependencies.keys(), false)
    })
  }

  #enter(path: string, place: NpmPlace): void {
    const required = [...place.dependencies.keys()].filter((name) => !place.optionalDependencies.has(name))
    this.#follow(path, required, false)
    this.#follow(path, place.peers, true)
    this.#follow(path, place.optionalDependencies.keys(), true)
    this.#follow(path, place.optionalPeers, true)
  }

  #follow(path: string, names: Iterable<string>, optional: boolean): void {
    for (const name of names) {
      const found = this.#resolve(path, name)
      if (found !== undefined) this.#reach(found, optional)
      else if (!optional) {
        const message = `Cannot use the lockfile: it does not have "${name}", which "${path === '' ? '.' : path}" asks for`
        throw new BuildError('LOCKFILE_STALE', message, { hint: 'run "npm install" and commit the lockfile' })
      }
    }
  }

  /** Where Node finds a package from a directory. */
  #resolve(from: string, name: string): string | undefined {
    for (let at = from; ; at = posix.dirname(at)) {
      if (at === '.') at = ''
      if (posix.basename(at) !== 'node_modules') {
        const candidate = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
        if (this.#lock.has(candidate)) return candidate
      }
      if (at === '') return undefined
    }
  }

  #reach(path: string, optional: boolean): void {
    if (this.#reached.has(path)) return
    const place = this.#lock.get(path)!
    const { link, locked } = place
    if (locked !== undefined && link === undefined && !this.#placement.fits(locked, optional)) return
    this.#reached.add(path)
    if (link !== undefined) {
      this.#placement.link(path, link)
      this.#enterWorkspace(link)
      return
    }
    // What is bundled comes with the package that it lies in.
    if (locked !== undefined) this.#placement.put(path, locked, [binsOf(path)])
    this.#enter(path, place)
  }
}

/** The directory of links to programs that belongs to the `node_modules` a package lies in. */
function binsOf(path: string): string {
  return `${path.slice(0, path.lastIndexOf('node_modules/'))}node_modules/.bin`
}
