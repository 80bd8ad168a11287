import { BuildError } from '../../build-error.ts'
import type { Edge, LockGraph } from '../lock/lock.ts'
import { isForSomePlatforms } from './fits-platform.ts'
import { isNamedForOther } from './guess-platform.ts'
import type { Layout, LayoutRequest } from './layout.ts'
import { Placement } from './placement.ts'

/**
 * Lays a graph out as Yarn and npm do: each package as high up as Node still finds the right version from everywhere, those that
 * are nearest to the project first. @throws BuildError LOCKFILE_STALE, PLATFORM_UNSUPPORTED
 */
export function hoistedLayout(graph: LockGraph, request: LayoutRequest): Layout {
  return new HoistedWalk(graph, request).layout()
}

/** A directory that has a `node_modules`. */
interface Level {
  readonly directory: string
  readonly above: Level | undefined
  /** What lies in it, by name: a package by its key, or a workspace by its directory. */
  readonly modules: Map<string, string>
  /** Names that something below finds further up: putting one here would hide it. */
  readonly passed: Set<string>
}

/** Versions that ask for each other in a circle have no end as directories. */
const deepest = 40
const mostPlaces = 200_000

class HoistedWalk {
  readonly #graph: LockGraph
  readonly #request: LayoutRequest
  readonly #root: Level = { directory: '', above: undefined, modules: new Map(), passed: new Set() }
  readonly #placement: Placement
  readonly #waiting: { readonly level: Level; readonly edges: readonly Edge[] }[] = []

  constructor(graph: LockGraph, request: LayoutRequest) {
    this.#graph = graph
    this.#request = request
    this.#placement = new Placement(request, 'yarn install')
  }

  layout(): Layout {
    const { target, dev } = this.#request
    this.#enterWorkspace(target)
    if (dev) this.#waiting.push({ level: this.#root, edges: this.#graph.workspaces.get('')?.devDependencies ?? [] })
    for (const { level, edges } of this.#waiting) for (const edge of edges) this.#settle(level, edge)
    return this.#placement.layout()
  }

  #enterWorkspace(directory: string): void {
    this.#placement.enter(directory, this.#graph.workspaces.get(directory), (workspace) => {
      const level =
        directory === '' ? this.#root : { directory, above: this.#root, modules: new Map(), passed: new Set<string>() }
      const edges = [...workspace.dependencies, ...(this.#request.dev ? workspace.devDependencies : [])]
      this.#waiting.push({ level, edges })
      for (const { to } of edges) if (to.kind === 'workspace') this.#enterWorkspace(to.directory)
    })
  }

  #settle(level: Level, { name, to, optional }: Edge): void {
    const wanted = to.kind === 'package' ? to.key : `workspace ${to.directory}`
    if (to.kind === 'package' && !this.#isWanted(to.key, optional)) return
    const chain = chainOf(level)
    const visible = chain.findIndex(({ modules }) => modules.has(name))
    if (visible !== -1 && chain[visible]!.modules.get(name) === wanted) {
      for (const passed of chain.slice(0, visible)) passed.passed.add(name)
      return
    }
    // The highest place from here to below what would hide it, where it hides nothing itself.
    const free = chain.slice(0, visible === -1 ? chain.length : visible)
    const at = free.findLastIndex(({ passed }) => !passed.has(name))
    const home = free[at]
    if (home === undefined) {
      const message = `Cannot lay out "${name}" for "${level.directory}": two versions are asked for in one place`
      throw new BuildError('LOCKFILE_INVALID', message)
    }
    for (const passed of chain.slice(0, at)) passed.passed.add(name)
    home.modules.set(name, wanted)
    const modules = home.directory === '' ? 'node_modules' : `${home.directory}/node_modules`
    const path = `${modules}/${name}`
    if (to.kind === 'workspace') {
      this.#placement.link(path, to.directory)
      return
    }
    const { locked, dependencies } = this.#graph.packages.get(to.key)!
    this.#placement.put(path, locked, [`${modules}/.bin`])
    if (chain.length > deepest || this.#placement.size > mostPlaces) {
      throw new BuildError(
        'LOCKFILE_INVALID',
        `Cannot lay out "${to.key}": versions of packages ask for each other in a circle`,
      )
    }
    const own: Level = { directory: path, above: home, modules: new Map(), passed: new Set() }
    this.#waiting.push({ level: own, edges: dependencies })
  }

  #isWanted(key: string, optional: boolean): boolean {
    const { locked } = this.#graph.packages.get(key)!
    const isNamed = optional && !isForSomePlatforms(locked) && isNamedForOther(locked.name, this.#request.platform)
    return this.#placement.fits(locked, optional) && !isNamed
  }
}

/** A level and all above it, the nearest first. */
function chainOf(level: Level): readonly Level[] {
  const chain: Level[] = []
  for (let at: Level | undefined = level; at !== undefined; at = at.above) chain.push(at)
  return chain
}
