import { hash } from 'node:crypto'
import { BuildError } from '../../build-error.ts'
import type { Edge, LockGraph } from '../lock/lock.ts'
import type { Layout, LayoutRequest } from './layout.ts'
import { Placement } from './placement.ts'

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
  readonly #placement: Placement
  readonly #bins = new Map<string, Set<string>>()
  readonly #reached = new Set<string>()
  /** Keys that are still to be followed, those nearest to the project first. */
  readonly #waiting: string[] = []

  constructor(graph: LockGraph, request: LayoutRequest) {
    this.#graph = graph
    this.#request = request
    this.#placement = new Placement(request, 'pnpm install')
  }

  layout(): Layout {
    const { target, dev } = this.#request
    this.#enterWorkspace(target)
    if (dev) this.#link('', this.#graph.workspaces.get('')?.devDependencies ?? [], true)
    for (const key of this.#waiting) this.#enter(key)
    for (const key of this.#waiting) {
      const { locked } = this.#graph.packages.get(key)!
      this.#placement.put(placeOf(key, locked.name), locked, [...(this.#bins.get(key) ?? [])])
    }
    return this.#placement.layout()
  }

  #enterWorkspace(directory: string): void {
    this.#placement.enter(directory, this.#graph.workspaces.get(directory), (workspace) => {
      this.#link(directory, workspace.dependencies, true)
      if (this.#request.dev) this.#link(directory, workspace.devDependencies, true)
    })
  }

  #enter(key: string): void {
    const { locked, dependencies } = this.#graph.packages.get(key)!
    const hoisted = `${store}/node_modules/${locked.name}`
    if (!this.#placement.hasLink(hoisted)) this.#placement.link(hoisted, placeOf(key, locked.name))
    this.#link(storeOf(key), dependencies, false)
  }

  /** Puts links to what is asked for into the `node_modules` of a directory. */
  #link(directory: string, edges: readonly Edge[], isWorkspace: boolean): void {
    const modules = directory === '' ? 'node_modules' : `${directory}/node_modules`
    for (const { name, to, optional } of edges) {
      const path = `${modules}/${name}`
      if (to.kind === 'workspace') {
        this.#placement.link(path, to.directory)
        this.#enterWorkspace(to.directory)
        continue
      }
      if (!this.#reach(to.key, optional)) continue
      const { locked } = this.#graph.packages.get(to.key)!
      const place = placeOf(to.key, locked.name)
      if (place !== path) this.#placement.link(path, place)
      if (isWorkspace) this.#bins.set(to.key, (this.#bins.get(to.key) ?? new Set()).add(`${modules}/.bin`))
    }
  }

  #reach(key: string, optional: boolean): boolean {
    if (this.#reached.has(key)) return true
    const found = this.#graph.packages.get(key)
    if (found === undefined) {
      if (optional) return false
      const message = `Cannot use the lockfile: it does not have "${key}", which it asks for itself`
      throw new BuildError('LOCKFILE_INVALID', message, { hint: 'run "pnpm install" and commit the lockfile' })
    }
    if (!this.#placement.fits(found.locked, optional)) return false
    this.#reached.add(key)
    this.#waiting.push(key)
    return true
  }
}

/** Where a package lies itself. */
function placeOf(key: string, name: string): string {
  return `${storeOf(key)}/node_modules/${name}`
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
