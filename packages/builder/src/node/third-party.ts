import { MediaType } from '@gantry/oci'
import type { Descriptor, Platform } from '@gantry/oci'
import { writeTar } from '@gantry/tar'
import { posix } from 'node:path'
import type { BuildSession } from '../build-session.ts'
import { cacheKey } from '../cache/key.ts'
import { stepVersion } from '../cache/layer-key.ts'
import { type LayerStack, pushLayer } from '../image/layer-stack.ts'
import type { StageState } from '../plan/stage-state.ts'
import { isForSomePlatforms } from './layout/fits-platform.ts'
import type { Layout, NodePlatform, PlacedPackage } from './layout/layout.ts'
import { bucketsOf } from './packages/buckets.ts'
import { needsBuild } from './packages/needs-build.ts'
import type { PackageCache, ResolvedPackage } from './packages/package-cache.ts'
import { type EntriesOptions, packageEntries, type ResolvedPlace } from './packages/package-entries.ts'
import { installCommands } from './install-commands.ts'
import { isByproduct } from './files/byproducts.ts'
import { filterLayer, inDirectory, runInContainer } from './run-in-container.ts'
import type { NodeSettings } from './settings.ts'
import type { StepReporter, StepText } from './step-reporter.ts'

/** A layer of packages that is to be found or made. */
export interface PackageLayer {
  readonly text: string
  readonly places: readonly ResolvedPlace[]
  readonly key: string
}

/** Third-party packages in their places, thought out as layers. */
export interface ThirdParty {
  readonly layers: readonly PackageLayer[]
  /** All of them. */
  readonly packages: readonly ResolvedPlace[]
}

/** What packages are laid out with. */
export interface PackageWork {
  readonly session: BuildSession
  readonly cache: PackageCache
  readonly settings: NodeSettings
  readonly place: EntriesOptions
}

const parallel = 12

/** Spreads the packages of a layout over layers: those for some platforms have one of their own, so that all others are the same everywhere. */
export async function planPackages(work: PackageWork, layout: Layout): Promise<ThirdParty> {
  const resolved = new Map<PlacedPackage, ResolvedPackage>()
  await inParallel(layout.packages, async (placed) => {
    resolved.set(placed, await work.cache.resolve(placed.locked))
  })
  const shared = layout.packages.filter(({ locked }) => !isForSomePlatforms(locked))
  const special = layout.packages.filter(({ locked }) => isForSomePlatforms(locked))
  const buckets = bucketsOf(shared, work.settings.layers)
  const placesOf = (list: readonly PlacedPackage[]): readonly ResolvedPlace[] =>
    list.map((placed) => ({ placed, resolved: resolved.get(placed)! }))
  const layerOf = (text: string, list: readonly PlacedPackage[]): PackageLayer => {
    const places = placesOf(list)
    return { text, places, key: keyOf(places, work.place) }
  }
  const layers = buckets.map((list, index) => {
    const count = list.length === 1 ? '1 package' : `${list.length} packages`
    return layerOf(`packages ${index + 1}/${buckets.length}: ${count}`, list)
  })
  if (special.length > 0) layers.push(layerOf(`packages for the platform: ${special.length}`, special))
  return { layers, packages: placesOf(layout.packages) }
}

function keyOf(places: readonly ResolvedPlace[], { prefix, epoch }: EntriesOptions): string {
  const fields = places.map(({ placed, resolved }) => [placed.path, resolved.integrity, placed.bins])
  return cacheKey(['node packages', stepVersion, prefix, epoch, fields])
}

/** The text of the step that sees to it that packages are here. */
export function fetchStep({ packages }: ThirdParty): StepText {
  return { kind: 'add', text: `fetch what is missing of ${packages.length} packages` }
}

/** Fetches what is needed to make the layers that are not known, and to tell which packages have to be built. */
export async function fetchPackages(
  work: PackageWork,
  thirdParty: ThirdParty,
  platform: NodePlatform,
): Promise<readonly ResolvedPlace[]> {
  const { session, cache, settings } = work
  const needed = new Set<ResolvedPlace>()
  for (const { key, places } of thirdParty.layers) {
    const known = session.options.noCache ? undefined : await session.cache.find(key)
    if (known === undefined) for (const place of places) needed.add(place)
  }
  const mayNeedBuild = thirdParty.packages.filter(
    ({ placed }) => settings.installScripts !== 'none' && placed.locked.hasScript !== false,
  )
  await inParallel([...needed, ...mayNeedBuild], async ({ resolved }) => {
    session.options.signal.throwIfAborted()
    await cache.about(resolved)
  })
  const toBuild: ResolvedPlace[] = []
  for (const place of mayNeedBuild) {
    const about = await cache.about(place.resolved)
    const options = { installScripts: settings.installScripts, platform }
    if (needsBuild(place.resolved.name, about, options)) toBuild.push(place)
  }
  return toBuild
}

/** Finds or makes one layer of packages. */
export async function packageLayer(
  work: PackageWork,
  { key, places, text }: PackageLayer,
): Promise<{ layer: Descriptor; cached: boolean }> {
  const { session, cache, place } = work
  const { signal, noCache } = session.options
  const known = noCache ? undefined : await session.cache.find(key)
  if (known !== undefined) return { layer: known.layer, cached: true }
  const body = writeTar(packageEntries(cache, places, place))
  const layer = await session.ports.store.ingest(body, { mediaType: MediaType.layerTar, signal })
  session.cache.record([key], { layer, instruction: text })
  return { layer, cached: false }
}

/** What native addons are built on. */
export interface NativeBuild {
  readonly reporter: StepReporter
  readonly stack: LayerStack
  readonly state: StageState
  readonly platform: Platform
  readonly host: Platform
}

/** The text of the step that builds native addons. */
export function nativeStep(toBuild: readonly ResolvedPlace[]): StepText {
  return {
    kind: 'run',
    text: `install scripts of ${[...new Set(toBuild.map(({ resolved }) => resolved.name))].join(', ')}`,
  }
}

/** Runs the install scripts of packages in a container; what they leave in the project is a layer. */
export async function buildNative(
  { session, place, cache }: PackageWork,
  toBuild: readonly ResolvedPlace[],
  { reporter, stack, state, platform, host }: NativeBuild,
): Promise<Descriptor> {
  const root = `/${place.prefix}`
  const scripts: string[] = []
  for (const { placed, resolved } of toBuild) {
    const commands = installCommands(await cache.about(resolved))
    scripts.push(inDirectory(posix.join(root, placed.path), commands))
  }
  const script = scripts.join(' && ')
  const { text } = nativeStep(toBuild)
  const { layer } = await reporter.run(text, async (step) => {
    const run = await runInContainer({ session, step, stack, state, platform, host, script, directory: root })
    const keeps = (path: string): boolean => path.startsWith(`${place.prefix}/`) && !isByproduct(path)
    const layer = await filterLayer(session, run.layer, { name: `below ${root}, without byproducts`, keeps })
    return { layer, cached: run.cached, digest: layer.digest, size: layer.size }
  })
  return layer
}

/** A stack with layers that were made. */
export function stackLayers(stack: LayerStack, layers: readonly Descriptor[]): LayerStack {
  return layers.reduce(
    (below, layer) => pushLayer(below, { descriptor: layer, diffId: layer.digest, made: true }),
    stack,
  )
}

/** Does the same with each, a few at a time; ends with the first failure. */
export async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = items.values()
  const worker = async (): Promise<void> => {
    for (const item of waiting) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker))
}
