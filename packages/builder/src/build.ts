import { globalScope, proxyArgs, resolveStages, type StageGraph, type Variables } from '@gantry/dockerfile'
import { type Digest, normalizePlatform, OciError, parsePlatform, type Platform } from '@gantry/oci'
import { BuildError } from './build-error.ts'
import { BuildSession } from './build-session.ts'
import { BuildRun, type Triggers } from './build-run.ts'
import { writeImage } from './image/write-image.ts'
import { type BuildOptions, type BuildResult, epochOf, tagNames } from './options.ts'
import { platformArgs } from './plan/platform-args.ts'
import type { BuilderPorts } from './ports.ts'
import { readInputs } from './read-inputs.ts'
import { openNamedContexts } from './remote/named-contexts.ts'
import { openContext } from './remote/open-context.ts'
import { Workspace } from './workspace.ts'

/**
 * Builds an image from a Dockerfile into the store and gives it its names. Equal input makes an equal image, byte for byte.
 * Steps whose result is known are not run; stages that the target does not need are left out; stages that do not need each
 * other run side by side. When it fails or is aborted, nothing of it runs or is mounted any more; finished steps stay known.
 * @throws DockerfileError, BuildError; `signal.reason` when it was aborted
 */
export async function build(options: BuildOptions, ports: BuilderPorts): Promise<BuildResult> {
  const started = Date.now()
  const onEvent = options.onEvent ?? (() => undefined)
  const tags = tagNames(options.tags)
  const epoch = epochOf(options)
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal])
  signal.throwIfAborted()
  await using lease = ports.store.lease('new')
  await using workspace = new Workspace(ports, signal)
  const keep = (digest: Digest): void => lease.add(digest)
  const opening = { workspace, ports, keep }
  const keepGitDir = isOn(options.buildArgs?.['BUILDKIT_CONTEXT_KEEP_GIT_DIR'])
  const context = await openContext(options.context, { ...opening, name: 'context', keepGitDir })
  const { dockerfile, ignore } = await readInputs(options, context)
  const named = await openNamedContexts(options.contexts ?? {}, opening)
  const hostPlatform = normalizePlatform({ os: 'linux', architecture: ports.host.arch })
  const platform = normalizePlatform(options.platform ?? hostPlatform)
  const buildArgs: Variables = new Map(Object.entries(options.buildArgs ?? {}))
  const automatic = platformArgs(hostPlatform, platform, options.target)
  const globals = globalScope(dockerfile, { buildArgs, automatic })
  const resolve = (triggers: Triggers): StageGraph =>
    resolveStages(dockerfile, globals, { target: options.target, triggers, contexts: named.kinds })
  const graph = resolve(new Map())
  for (const { rule, message, range } of dockerfile.warnings) onEvent({ kind: 'warning', rule, message, range })

  await using session = new BuildSession(ports, workspace, {
    dockerfile,
    contexts: new Map([...named.files, ['', { directory: context.directory, ignore }]]),
    epoch,
    noCache: options.noCache ?? false,
    environment: options.environment ?? process.env,
    buildArgs,
    signal,
    secrets: options.secrets ?? {},
    ssh: options.ssh ?? {},
    cacheNamespace: options.buildArgs?.['BUILDKIT_CACHE_MOUNT_NS'] ?? '',
    keep,
    onEvent,
  })
  const run = new BuildRun(session, {
    graph,
    resolve,
    globals,
    platformsOf: (stages) => platformsOf(stages, platform),
    hostPlatform,
    pull: options.pull ?? false,
    stop,
  })
  const { state, stack, platform: built } = await run.target()
  const created = run.created
  const image = await writeImage(
    { state, stack, platform: built, created, labels: options.labels ?? {} },
    ports,
    signal,
  )
  for (const { diffId } of stack) lease.add(diffId)
  for (const tag of tags) await ports.store.tag(tag, image.descriptor)
  if (tags.length === 0) lease.add(image.descriptor.digest)
  warnOfUnusedArgs(
    buildArgs,
    run.usedArgs,
    dockerfile.globals.flatMap(({ args }) => args.map(({ name }) => name.text)),
    automatic,
    onEvent,
  )
  const { descriptor, configDescriptor } = image
  const imageId = configDescriptor.digest
  onEvent({ kind: 'done', descriptor, imageId, tags, duration: Date.now() - started })
  return { descriptor, digest: descriptor.digest, imageId, tags }
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(?:1|true)$/i.test(value)
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

function warnOfUnusedArgs(
  given: Variables,
  used: ReadonlySet<string>,
  globals: readonly string[],
  automatic: Variables,
  onEvent: NonNullable<BuildOptions['onEvent']>,
): void {
  const known = new Set([...used, ...globals, ...automatic.keys(), ...proxyArgs, 'SOURCE_DATE_EPOCH'])
  const unused = [...given.keys()].filter((name) => !known.has(name))
  if (unused.length === 0) return
  const message = `no ARG takes the build argument${unused.length === 1 ? '' : 's'} ${unused.join(', ')}`
  onEvent({ kind: 'warning', rule: 'UnusedBuildArg', message })
}
