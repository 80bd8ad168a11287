import { join } from 'node:path'
import { formatPlatform, type ImageConfig, type Platform } from '@gantry/oci'
import type { BuildSession } from '../build-session.ts'
import { ArchiveTree } from '../files/archive-tree.ts'
import type { Tree } from '../files/node.ts'
import { type BaseImage, findBaseImage } from '../image/base-image.ts'
import type { LayerStack } from '../image/layer-stack.ts'
import { type StageState, stateFromImage } from '../plan/stage-state.ts'
import { checkTypes } from './check-types.ts'
import { type BuildCommands, findBuildScripts } from './find-build-scripts.ts'
import { nodePlatform } from './node-platform.ts'
import { findEntrypoint } from './entrypoint.ts'
import { MergedTree } from './files/merged-tree.ts'
import { linkEntries, ownEntries } from './files/own-entries.ts'
import { filesToBuild, filesToShip } from './files/project-files.ts'
import type { Layout } from './layout/layout.ts'
import { nodeConfig } from './node-config.ts'
import type { NodeProject } from './node-project.ts'
import type { EntriesOptions, ResolvedPlace } from './packages/package-entries.ts'
import type { PackageCache } from './packages/package-cache.ts'
import { ownLayer } from './own-layer.ts'
import { findOwnAddons } from './own-addons.ts'
import { checkRuns, inDirectory, runInContainer } from './run-in-container.ts'
import type { NodeSettings } from './settings.ts'
import { signalsModule, signalsPath } from './signals-module.ts'
import { countUp, StepReporter } from './step-reporter.ts'
import {
  buildNative,
  fetchPackages,
  fetchStep,
  nativeStep,
  packageLayer,
  type PackageWork,
  planPackages,
  stackLayers,
} from './third-party.ts'

/** What one build of a Node project works with. */
export interface NodeBuildParts {
  readonly session: BuildSession
  readonly project: NodeProject
  readonly settings: NodeSettings
  readonly cache: PackageCache
  /** What the project stands on. */
  readonly base: string
  readonly host: Platform
  readonly pull: boolean
  /** RFC 3339. */
  readonly created: string
}

/** An image that is thought out: everything but its config is in the store. */
export interface BuiltNodeImage {
  readonly state: StageState
  readonly stack: LayerStack
  readonly packages: readonly ResolvedPlace[]
}

/** One stage of a build: what stands on an image. */
interface Stage {
  readonly reporter: StepReporter
  readonly platform: Platform
  readonly image: string
  readonly layout: Layout
}

/** What is run to make a project's files. */
interface SourcesPlan {
  readonly scripts: readonly BuildCommands[]
  readonly platform: Platform
}

const own = 'own packages'
const application = 'application'
const links = 'links'
const buildText = 'build'

/** Builds a Node project: its build script once, then an image for each platform. */
export class NodeBuild {
  readonly #parts: NodeBuildParts
  readonly #place: EntriesOptions
  readonly #work: PackageWork
  readonly #numbers = countUp()
  readonly #plans = new Map<string, SourcesPlan>()
  readonly #sources = new Map<string, Promise<Tree>>()
  readonly #opened: AsyncDisposable[] = []
  #stages = 0

  constructor(parts: NodeBuildParts) {
    this.#parts = parts
    const { session, cache, settings } = parts
    this.#place = { prefix: settings.directory.slice(1), epoch: session.options.epoch.seconds }
    this.#work = { session, cache, settings, place: this.#place }
  }

  /** Sees to it that what has to be run can be run for every platform, before anything is done. @throws BuildError PLATFORM_UNSUPPORTED, SETTINGS_INVALID */
  check(platforms: readonly Platform[]): void {
    for (const each of platforms) {
      const { scripts, platform } = this.#plan(each)
      if (scripts.length > 0) checkRuns(buildText, platform, this.#parts.host)
    }
  }

  /**
   * What is run to make the project's files for a platform: once on the host's, unless the project has native addons of its own,
   * which are made on every platform.
   */
  #plan(wanted: Platform): SourcesPlan {
    const key = formatPlatform(wanted)
    const known = this.#plans.get(key)
    if (known !== undefined) return known
    const { project, settings, session, host, base } = this.#parts
    const platform = nodePlatform(wanted, base)
    const { workspaces } = project.layout({ target: project.target, dev: false, platform })
    const { installScripts } = settings
    const addons = findOwnAddons(project, { tree: session.context(), workspaces, platform, installScripts })
    const scripts = findBuildScripts(project, settings, { workspaces, addons })
    const plan = { scripts, platform: addons.size === 0 ? host : wanted }
    this.#plans.set(key, plan)
    return plan
  }

  /** The project's files with what its build scripts make in a container, on all dependencies; without such scripts, the files as they are. */
  #sourcesFor(wanted: Platform): Promise<Tree> {
    const { scripts, platform } = this.#plan(wanted)
    const key = formatPlatform(platform)
    const known = this.#sources.get(key)
    if (known !== undefined) return known
    const made = this.#makeSources(scripts, platform)
    this.#sources.set(key, made)
    return made
  }

  async #makeSources(scripts: readonly BuildCommands[], platform: Platform): Promise<Tree> {
    const { session, project, settings, host, base } = this.#parts
    const context = session.context()
    if (scripts.length === 0) return context
    const image = settings.builder ?? base
    const layout = project.layout({ target: project.target, dev: true, platform: nodePlatform(platform, base) })
    const index = this.#stages++
    const reporter = new StepReporter(session.options.onEvent, { index, name: 'build' }, this.#numbers)
    const { stack, state } = await this.#packages({ reporter, platform, image, layout }, ['project', buildText])
    const files = await filesToBuild(context, { project, settings, workspaces: layout.workspaces })
    const below = await reporter.run('project', () =>
      ownLayer(session, () => ownEntries(context, files, this.#place), 'project'),
    )
    const commands = scripts.map(({ directory, commands }) =>
      inDirectory(join(settings.directory, directory), commands),
    )
    const { layer } = await reporter.run(buildText, async (step) => {
      const made = await runInContainer({
        session,
        step,
        stack: stackLayers(stack, [below.layer]),
        state,
        platform,
        host,
        script: commands.join(' && '),
        directory: settings.directory,
      })
      return { ...made, digest: made.layer.digest, size: made.layer.size }
    })
    const directory = await session.scratchDirectory(session.owner, 'node')
    const { createReadStream } = await import('node:fs')
    const archive = createReadStream(session.ports.store.path(layer.digest), { highWaterMark: 1 << 20 })
    const outputs = await ArchiveTree.read(archive, {
      spool: join(directory, `outputs-${String(index)}`),
      name: 'build',
      limit: Infinity,
    })
    this.#opened.push(outputs)
    return new MergedTree(context, outputs, this.#place.prefix)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#opened) await each[Symbol.asyncDispose]()
  }

  /** Makes the layers of the image for one platform. */
  async image(platform: Platform): Promise<BuiltNodeImage> {
    const tree = await this.#sourcesFor(platform)
    const { session, project, settings, created } = this.#parts
    const { target } = project
    const layout = project.layout({ target, dev: false, platform: nodePlatform(platform, this.#parts.base) })
    const reporter = new StepReporter(
      session.options.onEvent,
      { index: this.#stages++, name: formatPlatform(platform) },
      this.#numbers,
    )
    const others = layout.workspaces.filter((directory) => directory !== target)
    const last = [...(others.length > 0 ? [own] : []), application]
    const stage = { reporter, platform, image: this.#parts.base, layout }
    const { stack, base, packages, texts } = await this.#packages(stage, last)
    const made = []
    if (others.length > 0) {
      const files = await filesToShip(tree, { project, settings, workspaces: others, platform })
      made.push(await reporter.run(own, () => ownLayer(session, () => ownEntries(tree, files, this.#place), own)))
    }
    const files = await filesToShip(tree, { project, settings, workspaces: [target], platform })
    const manifest = project.manifests.get(target)!
    const inTarget = new Set(files.map(({ path }) => (target === '' ? path : path.slice(target.length + 1))))
    const entrypoint = findEntrypoint(manifest, settings, (path) => inTarget.has(path))
    if (entrypoint.file !== undefined) checkTypes(entrypoint.file, base)
    made.push(
      await reporter.run(application, () => ownLayer(session, () => ownEntries(tree, files, this.#place), application)),
    )
    const state = nodeConfig({
      base,
      manifest,
      settings,
      entrypoint,
      directory: target,
      layers: [...texts, ...last],
      created,
    })
    return {
      state,
      stack: stackLayers(
        stack,
        made.map(({ layer }) => layer),
      ),
      packages,
    }
  }

  /** The image below, third-party packages in layers, what of them is built, and links. */
  async #packages(
    { reporter, platform, image, layout }: Stage,
    after: readonly string[],
  ): Promise<{
    stack: LayerStack
    state: StageState
    base: ImageConfig
    packages: readonly ResolvedPlace[]
    texts: readonly string[]
  }> {
    const { session, host } = this.#parts
    const thirdParty = await planPackages(this.#work, layout)
    const from = { kind: 'from', text: `FROM ${image}` } as const
    const fetching = fetchStep(thirdParty)
    const before = [from, fetching, ...thirdParty.layers.map(({ text }) => ({ kind: 'copy', text }) as const)]
    const rest = [links, ...after].map((text) => ({ kind: text === buildText ? 'run' : 'copy', text }) as const)
    reporter.plan([...before, ...rest])
    const base = await this.#base(image, platform, reporter)
    const state = stateFromImage(base.config)
    let toBuild: readonly ResolvedPlace[] = []
    const fetched = this.#parts.cache.fetched
    await reporter.run(fetching.text, async () => {
      toBuild = await fetchPackages(this.#work, thirdParty, nodePlatform(platform, this.#parts.base))
      return { cached: this.#parts.cache.fetched === fetched }
    })
    if (toBuild.length > 0) reporter.plan([...before, nativeStep(toBuild), ...rest])
    const layers = []
    for (const layer of thirdParty.layers) {
      const made = await reporter.run(layer.text, async () => {
        const { layer: descriptor, cached } = await packageLayer(this.#work, layer)
        session.options.keep(descriptor.digest)
        return { layer: descriptor, cached, digest: descriptor.digest, size: descriptor.size }
      })
      layers.push(made.layer)
    }
    if (toBuild.length > 0) {
      const stack = stackLayers(await this.#builderStack(image, platform, base), layers)
      const built = { reporter, stack, state, platform, host }
      layers.push(await buildNative(this.#work, toBuild, built))
    }
    const files = new Map(this.#parts.settings.signals ? [[signalsPath, signalsModule]] : [])
    const linked = await reporter.run(links, () =>
      ownLayer(session, async () => linkEntries(layout.links, files, this.#place), links),
    )
    layers.push(linked.layer)
    const texts = [
      ...thirdParty.layers.map(({ text }) => text),
      ...(toBuild.length > 0 ? [nativeStep(toBuild).text] : []),
      links,
    ]
    return { stack: stackLayers(base.stack, layers), state, base: base.config, packages: thirdParty.packages, texts }
  }

  /** What native addons are built on: the image that has the tools, when it is another one. */
  async #builderStack(image: string, platform: Platform, base: BaseImage): Promise<LayerStack> {
    const { settings } = this.#parts
    if (settings.builder === undefined || settings.builder === image) return base.stack
    return (await this.#find(settings.builder, platform)).stack
  }

  #base(image: string, platform: Platform, reporter: StepReporter): Promise<BaseImage> {
    return reporter
      .run(`FROM ${image}`, async () => {
        const found = await this.#find(image, platform)
        return { found, cached: true, digest: found.descriptor.digest, size: found.descriptor.size }
      })
      .then(({ found }) => found)
  }

  #find(image: string, platform: Platform): Promise<BaseImage> {
    const { session, pull } = this.#parts
    const { signal } = session.options
    return findBaseImage(image, session.ports, { platform, pull, signal, onProgress: () => undefined })
  }
}
