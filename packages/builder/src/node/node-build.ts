import { join } from 'node:path'
import { formatPlatform, type ImageConfig, type Platform } from '@gantry/oci'
import type { BuildSession } from '../build-session.ts'
import { layerKey } from '../cache/layer-key.ts'
import { ArchiveTree } from '../files/archive-tree.ts'
import type { Tree } from '../files/node.ts'
import { type BaseImage, findBaseImage } from '../image/base-image.ts'
import type { LayerStack } from '../image/layer-stack.ts'
import type { PlannedEntry } from '../layer/layer-plan.ts'
import { writeLayer } from '../layer/write-layer.ts'
import { type StageState, stateFromImage } from '../plan/stage-state.ts'
import { checkTypes } from './check-types.ts'
import { findBuildScripts } from './find-build-scripts.ts'
import { nodePlatform } from './node-platform.ts'
import { findEntrypoint } from './entrypoint.ts'
import { MergedTree } from './files/merged-tree.ts'
import { linkEntries, ownEntries } from './files/own-entries.ts'
import { type OwnFile, ownFiles } from './files/own-files.ts'
import type { Layout } from './layout/layout.ts'
import { nodeConfig } from './node-config.ts'
import type { NodeProject } from './node-project.ts'
import type { EntriesOptions, ResolvedPlace } from './packages/package-entries.ts'
import type { PackageCache } from './packages/package-cache.ts'
import { runInContainer } from './run-in-container.ts'
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
  #stages = 0

  constructor(parts: NodeBuildParts) {
    this.#parts = parts
    const { session, cache, settings } = parts
    this.#place = { prefix: settings.directory.slice(1), epoch: session.options.epoch.seconds }
    this.#work = { session, cache, settings, place: this.#place }
  }

  /**
   * The project's files with what its build scripts make, for all platforms; without a build script, the files as they are.
   * The scripts run in a container of the host's platform, on all dependencies.
   */
  async sources(): Promise<Tree> {
    const { session, project, settings, host } = this.#parts
    const context = session.context()
    const { workspaces } = project.layout({
      target: project.target,
      dev: false,
      platform: nodePlatform(host, this.#parts.base),
    })
    const scripts = findBuildScripts(project, settings, workspaces)
    if (scripts.length === 0) return context
    const image = settings.builder ?? this.#parts.base
    const layout = project.layout({ target: project.target, dev: true, platform: nodePlatform(host, this.#parts.base) })
    const reporter = new StepReporter(session.options.onEvent, { index: this.#stages++, name: 'build' }, this.#numbers)
    const { stack, state } = await this.#packages({ reporter, platform: host, image, layout }, ['project', buildText])
    const files = await this.#filesOf(context, { all: true, layout })
    const below = await reporter.run('project', () =>
      this.#layer(() => ownEntries(context, files, this.#place), 'project'),
    )
    const commands = scripts.map(
      ({ directory, name }) => `cd '${join(settings.directory, directory)}' && npm run ${name}`,
    )
    const { layer } = await reporter.run(buildText, async (step) => {
      const made = await runInContainer({
        session,
        step,
        stack: stackLayers(stack, [below.layer]),
        state,
        platform: host,
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
      spool: join(directory, 'outputs'),
      name: 'build',
      limit: Infinity,
    })
    this.#opened.push(outputs)
    return new MergedTree(context, outputs, this.#place.prefix)
  }

  readonly #opened: AsyncDisposable[] = []

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#opened) await each[Symbol.asyncDispose]()
  }

  /** Makes the layers of the image for one platform. */
  async image(platform: Platform, tree: Tree): Promise<BuiltNodeImage> {
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
      const files = await this.#filesOf(tree, { all: false, layout: { ...layout, workspaces: others } })
      made.push(await reporter.run(own, () => this.#layer(() => ownEntries(tree, files, this.#place), own)))
    }
    const files = await this.#filesOf(tree, { all: false, layout: { ...layout, workspaces: [target] } })
    const manifest = project.manifests.get(target)!
    const inTarget = new Set(files.map(({ path }) => (target === '' ? path : path.slice(target.length + 1))))
    const entrypoint = findEntrypoint(manifest, settings, (path) => inTarget.has(path))
    if (entrypoint.file !== undefined) checkTypes(entrypoint.file, base)
    made.push(
      await reporter.run(application, () => this.#layer(() => ownEntries(tree, files, this.#place), application)),
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
      this.#layer(async () => linkEntries(layout.links, files, this.#place), links),
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

  async #filesOf(
    tree: Tree,
    { all, layout }: { readonly all: boolean; readonly layout: Layout },
  ): Promise<readonly OwnFile[]> {
    const { project, settings } = this.#parts
    const { manifests, target } = project
    const directories = all ? ['', ...layout.workspaces.filter((directory) => directory !== '')] : layout.workspaces
    const found: OwnFile[] = []
    for (const directory of directories) {
      const manifest = manifests.get(directory)!
      const others = new Set([...manifests.keys()].filter((each) => each !== directory && each !== ''))
      const files = directory === target ? (settings.files ?? manifest.files) : manifest.files
      const always = [manifest.main, ...manifest.bin.values()].flatMap((path) => path?.replace(/^(?:\.\/)+/, '') ?? [])
      found.push(...(await ownFiles(tree, { directory, others, scope: all ? 'all' : 'shipped', files, always })))
    }
    return found
  }

  /** Finds or writes a layer of planned entries. */
  async #layer(
    plan: () => Promise<ReadonlyMap<string, PlannedEntry>>,
    text: string,
  ): Promise<{
    layer: LayerStack[number]['descriptor']
    cached: boolean
    digest: LayerStack[number]['diffId']
    size: number
  }> {
    const { session } = this.#parts
    const { signal, noCache, keep } = session.options
    const entries = await plan()
    const key = layerKey(entries)
    const known = noCache ? undefined : await session.cache.find(key)
    const layer = known?.layer ?? (await writeLayer(entries, session.ports.store, { signal }))
    if (known === undefined) session.cache.record([key], { layer, instruction: text })
    keep(layer.digest)
    return { layer, cached: known !== undefined, digest: layer.digest, size: layer.size }
  }
}
