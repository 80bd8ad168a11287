import type { BuildEvent, BuildOptions, BuildResult, ContextSource } from '@gantry/builder'
import type { BuiltHere } from './build-here.ts'
import type { ContentWorld } from '@gantry/daemon'
import type { Context } from '../context.ts'
import type { ProgressMode } from '../progress/build-view.ts'
import { writeFile } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import { readLabels } from '../container/read-env.ts'
import { openContent } from '../content.ts'
import { openBuildView } from '../progress/build-view.ts'
import type { LimitFlags } from './read-limits.ts'
import { describeBuildError, type ShownDockerfile } from './describe-build-error.ts'
import { debugFailedRun } from './debug-failed-run.ts'
import { failedOutput } from './failed-output.ts'

/** The flags of `gantry build`. */
export interface BuildFlags extends LimitFlags {
  readonly 'attest-style': 'referrers' | 'index' | undefined
  readonly provenance: string | undefined
  readonly sbom: string | undefined
  readonly 'add-host': readonly string[]
  readonly allow: readonly string[]
  readonly 'allow-hosts': readonly string[]
  readonly annotation: readonly string[]
  readonly 'build-arg': readonly string[]
  readonly 'build-context': readonly string[]
  readonly 'cache-from': readonly string[]
  readonly 'cache-to': readonly string[]
  readonly call: 'build' | 'check' | 'outline' | 'targets' | undefined
  readonly check: boolean
  readonly debug: boolean
  readonly file: string | undefined
  readonly format: 'text' | 'json' | undefined
  readonly iidfile: string | undefined
  readonly label: readonly string[]
  readonly 'metadata-file': string | undefined
  readonly network: 'default' | 'none' | 'host' | undefined
  readonly 'no-cache': boolean
  readonly node: boolean
  readonly output: readonly string[]
  readonly platform: string | undefined
  readonly progress: ProgressMode | undefined
  readonly pull: boolean
  readonly push: boolean
  readonly quiet: boolean
  readonly 'record-network': boolean
  readonly secret: readonly string[]
  readonly ssh: readonly string[]
  readonly tag: readonly string[]
  readonly target: string | undefined
  readonly verify: boolean
  readonly why: boolean
}

/** What is built and how, as the command line says it. */
export type BuildRequest = Omit<BuildOptions, 'onEvent' | 'signal'>

/**
 * `gantry build`: in this process when the root is writable, else by the daemon, which gets the context as a tar. Progress
 * goes to standard error, so that `-q` leaves nothing but the image's id on standard output.
 */
export async function runBuild(context: Context, flags: BuildFlags, place: string): Promise<number> {
  const request = await requestOf(context, flags, place)
  const content = await openContent(context)
  const call = flags.check ? 'check' : (flags.call ?? 'build')
  if (call !== 'build') {
    const { inspectBuild } = await import('@gantry/builder')
    const { showInspection } = await import('./show-inspection.ts')
    const inspection = await inspectBuild({ ...request, signal: context.signal }, here(content).builderPorts)
    return showInspection(context, call, inspection, flags.format === 'json')
  }
  const { buildNodeProject, wantsNode } = await import('./node-mode.ts')
  const isNode = await wantsNode(flags, request)
  if (isNode && flags.verify) throw new CliError('UNSUPPORTED', 'Cannot verify the build of a Node project yet')
  const outputs = await outputsOf(flags)
  const mode = flags.quiet ? 'quiet' : (flags.progress ?? 'auto')
  const view = await openBuildView(mode, context.err)
  const failed = failedOutput()
  let shown: ShownDockerfile | undefined
  let built: Built
  let conclude: BuiltHere['conclude'] | undefined
  try {
    if (content === undefined && !isNode && !flags.verify) {
      const { buildRemotely } = await import('./build-remotely.ts')
      built = { imageId: await buildRemotely(context, request, mode) }
    } else {
      const world = here(content)
      const { signal } = context
      const onEvent = (event: BuildEvent): void => {
        if (event.kind === 'dockerfile') shown = event
        failed.event(event)
        view.event(event)
      }
      const { buildHere } = await import('./build-here.ts')
      const debugging = flags.debug ? { onFailedRun: debugFailedRun(context, () => view.finish()) } : {}
      const done = isNode
        ? { result: await buildNodeProject(request, world, { signal, onEvent }) }
        : await buildHere({ ...request, ...debugging, signal, onEvent }, world.builderPorts, flags.verify)
      if ('conclude' in done) ({ conclude } = done)
      built = { imageId: done.result.imageId, result: done.result }
    }
  } catch (error) {
    view.finish()
    const isPrinted = mode === 'plain' || mode === 'json' || (mode === 'auto' && !context.err.isTerminal)
    // A build without a terminal has printed it already, line by line.
    if (!isPrinted)
      context.err.write(
        failed
          .lines()
          .map((line) => `${line}\n`)
          .join(''),
      )
    throw await describeBuildError(error, shown, placeOf(request))
  }
  view.finish()
  conclude?.((text) => context.err.write(text))
  for (const output of outputs) {
    const { writeOutput } = await import('./build-outputs.ts')
    await writeOutput(context, { world: here(content), result: whole(built) }, output)
  }
  if (flags.iidfile !== undefined) await writeFile(flags.iidfile, built.imageId)
  if (flags['metadata-file'] !== undefined) await writeFile(flags['metadata-file'], metadataOf(built))
  if (content !== undefined) await keepBudget(context, content)
  if (mode === 'quiet') context.out.write(`${built.imageId}\n`)
  return 0
}

/** What was built is done: that the cache could not be cut down does not make it undone. */
async function keepBudget(context: Context, { builderPorts }: ContentWorld): Promise<void> {
  const { keepCacheBudget } = await import('@gantry/builder')
  await keepCacheBudget(builderPorts, { signal: context.signal }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    context.err.write(`WARN: the build cache is not within its budget: ${reason}\n`)
  })
}

function here(content: ContentWorld | undefined): ContentWorld {
  if (content !== undefined) return content
  throw new CliError(
    'UNSUPPORTED',
    'Cannot do this through the daemon yet: it needs a root that this user may write to',
    {
      hint: 'Run it as root, or name a root of your own with --root',
    },
  )
}

/** What a build came to; of a daemon's, only the image's id is known. */
interface Built {
  readonly imageId: string
  readonly result?: BuildResult
}

function whole({ result }: Built): BuildResult {
  if (result === undefined) throw new TypeError('a build in this process has a result')
  return result
}

/** Where the Dockerfile is that could not be parsed, as far as the command line says it. */
function placeOf({ dockerfile, context }: BuildRequest): { readonly path?: string; readonly directory?: string } {
  if (dockerfile !== undefined) return { path: dockerfile }
  return typeof context === 'string' ? { directory: context } : {}
}

/** What tools read that build with buildx. */
function metadataOf({ imageId, result }: Built): string {
  const { descriptor, digest, tags, network } = result ?? {}
  const metadata = {
    ...(descriptor === undefined ? {} : { 'containerimage.descriptor': descriptor }),
    'containerimage.config.digest': imageId,
    ...(digest === undefined ? {} : { 'containerimage.digest': digest }),
    ...(tags === undefined || tags.length === 0 ? {} : { 'image.name': tags.join(',') }),
    ...(network === undefined ? {} : { 'gantry.network': network }),
  }
  return `${JSON.stringify(metadata, undefined, 2)}\n`
}

async function outputsOf({ output, push }: BuildFlags): Promise<readonly import('./build-outputs.ts').BuildOutput[]> {
  if (output.length === 0 && !push) return []
  const { parseOutput } = await import('./build-outputs.ts')
  return [...output.map(parseOutput), ...(push ? [{ kind: 'push', name: undefined } as const] : [])]
}

async function requestOf(context: Context, flags: BuildFlags, place: string): Promise<BuildRequest> {
  const { env } = context
  const isRemote = /^(?:https?|git|ssh):\/\/|^[\w.-]+@[\w.-]+:/.test(place)
  const source: ContextSource = place === '-' ? { stream: process.stdin } : isRemote ? place : resolve(place)
  const inputs = await import('./read-build-inputs.ts')
  const { cacheOptions } = await import('./build-caches.ts')
  const { attestOptions } = await import('./read-attest.ts')
  const dockerfile = await dockerfileOf(flags.file, isRemote || place === '-')
  const { readLimits } = await import('./read-limits.ts')
  const limits = readLimits(flags)
  const epoch = env['SOURCE_DATE_EPOCH']
  return {
    context: source,
    ...dockerfile,
    tags: flags.tag,
    ...(flags.target === undefined ? {} : { target: flags.target }),
    buildArgs: buildArgsOf(flags['build-arg'], env),
    labels: readLabels([], flags.label),
    ...(await platformsOf(flags.platform)),
    noCache: flags['no-cache'],
    why: flags.why,
    pull: flags.pull,
    contexts: inputs.readPairs('build-context', flags['build-context']),
    ...cacheOptions(context, flags),
    ...attestOptions(flags),
    secrets: inputs.readSecrets(flags.secret, env),
    ssh: await inputs.readAgents(flags.ssh, env),
    annotations: inputs.readPairs('annotation', flags.annotation),
    addHosts: inputs.readHosts(flags['add-host']),
    ...(flags.allow.length === 0 ? {} : { allow: flags.allow }),
    ...egressOf(flags),
    ...(limits === undefined ? {} : { limits }),
    ...(flags.network === undefined ? {} : { network: flags.network }),
    ...(epoch === undefined || !/^\d+$/.test(epoch) ? {} : { sourceDateEpoch: Number(epoch) }),
    environment: env,
  }
}

function egressOf(flags: BuildFlags): Pick<BuildRequest, 'egress'> {
  const lists = flags['allow-hosts']
  if (lists.length === 0) return flags['record-network'] ? { egress: {} } : {}
  const hosts = lists.flatMap((list) => list.split(',')).map((host) => host.trim())
  return { egress: { allow: hosts.filter((host) => host !== '') } }
}

async function dockerfileOf(
  file: string | undefined,
  isRemote: boolean,
): Promise<Pick<BuildRequest, 'dockerfile' | 'dockerfileText'>> {
  if (file === undefined) return {}
  if (file !== '-') return { dockerfile: isRemote && !isAbsolute(file) ? file : resolve(file) }
  const { text } = await import('node:stream/consumers')
  return { dockerfileText: await text(process.stdin) }
}

async function platformsOf(written: string | undefined): Promise<Pick<BuildRequest, 'platform' | 'platforms'>> {
  if (written === undefined) return {}
  const { parsePlatform } = await import('@gantry/oci')
  const platforms = written.split(',').map((platform) => parsePlatform(platform.trim()))
  return platforms.length === 1 ? { platform: platforms[0]! } : { platforms }
}

/** `NAME=value`, or `NAME` for the value it has here. */
function buildArgsOf(entries: readonly string[], env: Context['env']): Record<string, string> {
  const args: Record<string, string> = {}
  for (const entry of entries) {
    const equals = entry.indexOf('=')
    const name = equals < 0 ? entry : entry.slice(0, equals)
    const value = equals < 0 ? env[entry] : entry.slice(equals + 1)
    if (name === '') throw new CliError('INVALID', `Cannot use the build argument "${entry}": it has no name`)
    if (value !== undefined) args[name] = value
  }
  return args
}
