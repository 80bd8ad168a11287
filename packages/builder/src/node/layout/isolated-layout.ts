import { hash } from 'node:crypto'
import { BuildError } from '../../build-error.ts'
import type { Edge, LockGraph } from '../lock/lock.ts'
import { fitsPlatform } from './fits-platform.ts'
import type { Layout, LayoutRequest, PlacedLink, PlacedPackage } from './layout.ts'
import { byPath, relativeLink } from './relative-link.ts'

const store = 'node_modules/.pnpm'
const longestName = 100

/**
 * Lays a graph out as pnpm does: every package once, in a directory of its own under `node_modules/.pnpm`, beside links to what it
 * asks for; workspaces have links to what they ask for; and under `.pnpm/node_modules` is a link to one of each name, for packages
 * that do not say what they need. @throws BuildError LOCKFILE_STALE, PLATFORM_UNSUPPORTED
 */
export function isolatedLayout(graph: LockGraph, request: LayoutRequest): Layout {
  return new IsolatedWalk(graph, request).layout()
}

class IsolatedWalk {
  readonly #graph: LockGraph
  readonly #request: LayoutRequest
  readonly #packages = new Map<string, PlacedPackage>()
  readonly #bins = new Map<string, Set<string>>()
  readonly #links = new Map<string, PlacedLink>()
  readonly #workspaces = new Set<string>()
  readonly #entered = new Set<string>()
  /** Keys that are still to be followed, those nearest to the project first. */
  readonly #waiting: string[] = []

  constructor(graph: LockGraph, request: LayoutRequest) {
    this.#graph = graph
    this.#request = request
  }

  layout(): Layout {
    const { target, dev } = this.#request
    this.#enterWorkspace(target)
    if (dev) this.#link('', this.#graph.workspaces.get('')?.devDependencies ?? [], true)
    for (const key of this.#waiting) this.#enter(key)
    const packages = [...this.#packages].map(([key, placed]) => ({ ...placed, bins: [...(this.#bins.get(key) ?? [])] }))
    return {
      packages: packages.toSorted(byPath),
      links: [...this.#links.values()].toSorted(byPath),
      workspaces: [...this.#workspaces],
    }
  }

  #enterWorkspace(directory: string): void {
    if (this.#entered.has(directory)) return
    this.#entered.add(directory)
    const workspace = this.#graph.workspaces.get(directory)
    if (workspace === undefined) {
      const message = `Cannot use the lockfile: it does not have the workspace "${directory}"`
      throw new BuildError('LOCKFILE_STALE', message, { hint: 'run "pnpm install" and commit the lockfile' })
    }
    this.#link(directory, workspace.dependencies, true)
    if (this.#request.dev) this.#link(directory, workspace.devDependencies, true)
    this.#workspaces.add(directory)
  }

  #enter(key: string): void {
    const { locked, dependencies } = this.#graph.packages.get(key)!
    const path = `${storeOf(key)}/node_modules/${locked.name}`
    this.#packages.set(key, { locked, path, bins: [] })
    const hoisted = `${store}/node_modules/${locked.name}`
    if (!this.#links.has(hoisted)) this.#links.set(hoisted, { path: hoisted, target: relativeLink(hoisted, path) })
    this.#link(storeOf(key), dependencies, false)
  }

  /** Puts links to what is asked for into the `node_modules` of a directory. */
  #link(directory: string, edges: readonly Edge[], isWorkspace: boolean): void {
    const modules = directory === '' ? 'node_modules' : `${directory}/node_modules`
    for (const { name, to, optional } of edges) {
      const path = `${modules}/${name}`
      if (to.kind === 'workspace') {
        this.#links.set(path, { path, target: relativeLink(path, to.directory) })
        this.#enterWorkspace(to.directory)
        continue
      }
      if (!this.#reach(to.key, optional)) continue
      const { locked } = this.#graph.packages.get(to.key)!
      const place = `${storeOf(to.key)}/node_modules/${locked.name}`
      if (place !== path) this.#links.set(path, { path, target: relativeLink(path, place) })
      if (isWorkspace) this.#bins.set(to.key, (this.#bins.get(to.key) ?? new Set()).add(`${modules}/.bin`))
    }
  }

  #reach(key: string, optional: boolean): boolean {
    if (this.#entered.has(`@ ${key}`)) return true
    const found = this.#graph.packages.get(key)
    if (found === undefined) {
      if (optional) return false
      const message = `Cannot use the lockfile: it does not have "${key}", which it asks for itself`
      throw new BuildError('LOCKFILE_INVALID', message, { hint: 'run "pnpm install" and commit the lockfile' })
    }
    if (!fitsPlatform(found.locked, this.#request.platform)) {
      if (optional) return false
      const { os, cpu } = this.#request.platform
      const message = `Cannot install "${key}" for ${os}/${cpu}: the package says that it is not for it`
      throw new BuildError('PLATFORM_UNSUPPORTED', message)
    }
    this.#entered.add(`@ ${key}`)
    this.#waiting.push(key)
    return true
  }
}

/** The directory of a package in the store, which has its name, version and peers in it. */
function storeOf(key: string): string {
  const name = key
    .replace(/^\//, '')
    .replaceAll(/[\\/:*?"<>|]/g, '+')
    .replaceAll(/\)\(|\(/g, '_')
    .replaceAll(')', '')
  const short =
    name.length > longestName ? `${name.slice(0, longestName - 33)}_${hash('sha256', key, 'hex').slice(0, 32)}` : name
  return `${store}/${short}`
}
