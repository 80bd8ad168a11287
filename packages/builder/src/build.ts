import {
  checkDockerfile,
  DockerfileError,
  globalScope,
  proxyArgs,
  resolveStages,
  type StageGraph,
  type Variables,
} from '@gantry/dockerfile'
import { formatPlatform, normalizePlatform, OciError, parsePlatform, type Platform } from '@gantry/oci'
import { BuildError } from './build-error.ts'
import { BuildRun } from './build-run.ts'
import type { Triggers } from './run/resolve-graph.ts'
import { BuildSession } from './build-session.ts'
import { egressOf } from './egress/host-rules.ts'
import { distinctUses, type NetworkUse } from './egress/network-use.ts'
import { importCache } from './cache/import-cache.ts'
import { type BuildInput, openBuild } from './open-build.ts'
import { resolveEpoch } from './resolve-epoch.ts'
import {
  attestAsReferrers,
  attestInIndex,
  exportCaches,
  type FinishedBuild,
  inlineOf,
  packForAttesting,
  problemOf,
  type WrittenImage,
} from './finish-build.ts'
import { writeImage } from './image/write-image.ts'
import { writeIndex } from './image/write-index.ts'
import { type BuildOptions, type BuildResult, epochOf, tagNames } from './options.ts'
import { allowed } from './plan/entitlements.ts'
import { platformArgs } from './plan/platform-args.ts'
import type { BuilderPorts } from './ports.ts'

/**
 * Builds an image from a Dockerfile into the store and gives it its names; for several platforms, an index of images. Equal input makes
 * an equal image, byte for byte. Steps whose result is known are not run; stages that the target does not need are left out; stages that
 * do not need each other run side by side. When it fails or is aborted, nothing of it runs or is mounted any more; finished steps stay
 * known.
 * @throws DockerfileError, BuildError; `signal.reason` when it was aborted
 */
export async function build(given: BuildOptions, ports: BuilderPorts): Promise<BuildResult> {
  const started = Date.now()
  const onEvent = given.onEvent ?? (() => undefined)
  const tags = tagNames(given.tags)
  await using input = await openBuild(given, ports)
  const options = await resolveEpoch(given, input, ports)
  onEvent({ kind: 'dockerfile', file: input.dockerfile.file, text: input.dockerfile.source })
  const host = normalizePlatform({ os: 'linux', architecture: ports.host.arch })
  const platforms = distinct(options.platforms ?? [options.platform ?? host])
  await using session = new BuildSession(ports, input.workspace, sessionOptions(options, input, ports))
  const runs = platforms.map((platform, index) => {
    const firstStep = index * stepsPerPlatform
    return { platform, ...openRun(session, options, { input, platform, host, firstStep }) }
  })
  // Everything is thought out before anything is made: what cannot be built for one platform ends the build at once.
  for (const { run } of runs) await run.plan()
  reportChecks(runs[0]!, options, input)
  const images: WrittenImage[] = []
  for (const { run } of runs) {
    const { state, stack, platform: built } = await run.target()
    const { created } = run
    const labels = options.labels ?? {}
    const annotations = { ...options.annotations, ...inlineOf(options, session, stack) }
    const content = { state, stack, platform: built, created, labels, annotations }
    const { descriptor: plain, configDescriptor } = await writeImage(content, ports, input.workspace.signal)
    const descriptor = await packForAttesting(options, plain, { ports, signal: input.workspace.signal })
    images.push({ descriptor, configDescriptor, stack, platform: built, created })
    for (const { diffId } of stack) input.keep(diffId)
  }
  const [only] = images
  const isIndex = options.platforms !== undefined && platforms.length > 1
  const built: FinishedBuild = { options, input, session, images, tags }
  const beside = options.attest?.style === 'index' ? await attestInIndex(built, ports) : []
  const descriptor =
    isIndex || beside.length > 0
      ? await writeIndex(
          [...images, ...beside.map((each) => ({ descriptor: each }))],
          platforms,
          ports,
          options.annotations ?? {},
        )
      : only!.descriptor
  for (const tag of tags) await ports.store.tag(tag, descriptor)
  if (tags.length === 0) input.keep(descriptor.digest)
  const attached = beside.length > 0 ? beside : await attestAsReferrers(built, ports)
  const mounts = runs.flatMap(({ run }) => run.cacheMounts())
  await exportCaches(built, mounts, ports)
  warnOfUnusedArgs(options, runs, input)
  const imageId = isIndex ? descriptor.digest : only!.configDescriptor.digest
  onEvent({ kind: 'done', descriptor, imageId, tags, duration: Date.now() - started })
  const attestations = attached.length === 0 ? {} : { attestations: attached }
  const network = options.egress === undefined ? {} : { network: networkOf(session) }
  return { descriptor, digest: descriptor.digest, imageId, tags, ...attestations, ...network }
}

/** What the steps of a build reached, those too that an earlier build did. */
function networkOf(session: BuildSession): readonly NetworkUse[] {
  return distinctUses(session.used().flatMap(({ network = [] }) => network))
}

/** Steps of different platforms never have the same number. */
const stepsPerPlatform = 100_000

function distinct(platforms: readonly Platform[]): readonly Platform[] {
  const found = new Map(platforms.map((platform) => [formatPlatform(normalizePlatform(platform)), platform]))
  if (found.size === 0) throw new BuildError('OPTIONS_INVALID', 'Cannot build for no platform at all')
  return [...found.values()].map(normalizePlatform)
}

function sessionOptions(options: BuildOptions, input: BuildInput, ports: BuilderPorts): BuildSession['options'] {
  const { dockerfile, contexts, keep, workspace } = input
  return {
    dockerfile,
    contexts,
    epoch: epochOf(options),
    noCache: options.noCache ?? false,
    environment: options.environment ?? process.env,
    buildArgs: buildArgsOf(options),
    signal: workspace.signal,
    secrets: options.secrets ?? {},
    ssh: options.ssh ?? {},
    cacheNamespace: options.cacheNamespace ?? options.buildArgs?.['BUILDKIT_CACHE_MOUNT_NS'] ?? '',
    network: options.network ?? 'default',
    addHosts: options.addHosts ?? {},
    limits: options.limits,
    allow: allowed(options.allow),
    egress: egressOf(options),
    keep,
    onEvent: options.onEvent ?? (() => undefined),
    onFailedRun: options.onFailedRun,
    project: projectOf(options),
    why: options.why ?? false,
    imports: (options.cacheFrom ?? []).map((source) =>
      importCache(source, ports, { signal: workspace.signal, onProblem: problemOf(options, 'CacheImport') }),
    ),
  }
}

function projectOf({ context, dockerfile }: BuildOptions): string {
  return JSON.stringify([typeof context === 'string' ? context : 'stream', dockerfile ?? ''])
}

function buildArgsOf({ buildArgs }: BuildOptions): Variables {
  return new Map(Object.entries(buildArgs ?? {}))
}

/** One platform's way through the file. */
interface OpenedRun {
  readonly run: BuildRun
  readonly automatic: Variables
}

function openRun(
  session: BuildSession,
  options: BuildOptions,
  place: {
    readonly input: BuildInput
    readonly platform: Platform
    readonly host: Platform
    readonly firstStep: number
  },
): OpenedRun {
  const { input, platform, host, firstStep } = place
  const { dockerfile, contextKinds, workspace } = input
  const automatic = platformArgs(host, platform, options.target)
  const globals = globalScope(dockerfile, { buildArgs: buildArgsOf(options), automatic })
  const resolve = (triggers: Triggers): StageGraph =>
    resolveStages(dockerfile, globals, { target: options.target, triggers, contexts: contextKinds })
  const run = new BuildRun(session, {
    resolve,
    globals,
    platformsOf: (graph) => platformsOf(graph, platform),
    hostPlatform: host,
    pull: options.pull ?? false,
    firstStep,
    stop: workspace.stop,
  })
  return { run, automatic }
}

/** The platform of each stage: its own `--platform`, else the build's. */
function platformsOf(graph: StageGraph, platform: Platform): ReadonlyMap<number, Platform> {
  return new Map(
    graph.stages.map((stage): [number, Platform] => {
      if (stage.platform === undefined) return [stage.stage.index, platform]
      try {
        return [stage.stage.index, normalizePlatform(parsePlatform(stage.platform))]
      } catch (error) {
        if (!(error instanceof OciError)) throw error
        throw new BuildError('OPTIONS_INVALID', `Cannot build for "${stage.platform}": ${error.message}`, {
          cause: error,
        })
      }
    }),
  )
}

/** Tells of everything that is better written otherwise; ends the build where the file says that it should. */
function reportChecks({ run, automatic }: OpenedRun, options: BuildOptions, { dockerfile, ignore }: BuildInput): void {
  const environments = run.environments()
  const check = checkDockerfile(dockerfile, { automatic, buildArgs: buildArgsOf(options), ignore, environments })
  for (const { rule, message, range } of check.warnings) options.onEvent?.({ kind: 'warning', rule, message, range })
  const [first] = check.warnings
  if (!check.error || first === undefined) return
  throw new DockerfileError('CHECK_FAILED', `${first.rule}: ${first.message}`, {
    file: dockerfile.file,
    range: first.range,
    hint: `the file says that checks end the build, and ${check.warnings.length} failed`,
  })
}

function warnOfUnusedArgs(options: BuildOptions, runs: readonly OpenedRun[], { dockerfile }: BuildInput): void {
  const globals = dockerfile.globals.flatMap(({ args }) => args.map(({ name }) => name.text))
  const used = runs.flatMap(({ run, automatic }) => [...run.usedArgs, ...automatic.keys()])
  const known = new Set([...used, ...globals, ...proxyArgs, 'SOURCE_DATE_EPOCH'])
  const unused = Object.keys(options.buildArgs ?? {}).filter(
    (name) => !known.has(name) && !name.startsWith('BUILDKIT_'),
  )
  if (unused.length === 0) return
  const message = `no ARG takes the build argument${unused.length === 1 ? '' : 's'} ${unused.join(', ')}`
  options.onEvent?.({ kind: 'warning', rule: 'UnusedBuildArg', message })
}
