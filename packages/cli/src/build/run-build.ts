import type { Context } from '../context.ts'
import type { ProgressMode } from '../progress/build-view.ts'
import { stat, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import { readLabels } from '../container/read-env.ts'
import { openContent } from '../content.ts'
import { openBuildView } from '../progress/build-view.ts'
import { describeBuildError } from './describe-build-error.ts'
import { failedOutput } from './failed-output.ts'

interface BuildFlags {
  readonly 'build-arg': readonly string[]
  readonly file: string | undefined
  readonly iidfile: string | undefined
  readonly label: readonly string[]
  readonly 'no-cache': boolean
  readonly platform: string | undefined
  readonly progress: ProgressMode | undefined
  readonly pull: boolean
  readonly quiet: boolean
  readonly tag: readonly string[]
  readonly target: string | undefined
}

/** What is built, from where, as both ways of building take it. */
export interface BuildRequest {
  readonly directory: string
  /** The path of the Dockerfile, absolute. */
  readonly dockerfile: string
  readonly tags: readonly string[]
  readonly target?: string
  readonly buildArgs: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly platform?: string
  readonly noCache: boolean
  readonly pull: boolean
}

/**
 * `gantry build`: in this process when the root is writable, else by the daemon, which gets the context as a tar. Progress
 * goes to standard error, so that `-q` leaves nothing but the image's id on standard output.
 */
export async function runBuild(context: Context, flags: BuildFlags, directory: string): Promise<number> {
  const request = await requestOf(context, flags, directory)
  const mode = flags.quiet ? 'quiet' : (flags.progress ?? 'auto')
  const view = await openBuildView(mode, context.err)
  const failed = failedOutput()
  let imageId: string
  try {
    const content = await openContent(context)
    if (content === undefined) {
      const { buildRemotely } = await import('./build-remotely.ts')
      imageId = await buildRemotely(context, request, mode)
    } else {
      const { buildLocally } = await import('./build-locally.ts')
      imageId = await buildLocally(content, request, {
        env: context.env,
        signal: context.signal,
        onEvent: (event) => {
          failed.event(event)
          view.event(event)
        },
      })
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
    throw await describeBuildError(error, request.dockerfile)
  }
  view.finish()
  if (flags.iidfile !== undefined) await writeFile(flags.iidfile, imageId)
  if (mode === 'quiet') context.out.write(`${imageId}\n`)
  return 0
}

async function requestOf(context: Context, flags: BuildFlags, directory: string): Promise<BuildRequest> {
  if (directory === '-' || /^(https?|git|ssh):\/\/|^git@/.test(directory)) {
    throw new CliError('UNSUPPORTED', `Cannot build from "${directory}": only a directory can be the context yet`, {
      hint: 'Fetch it into a directory first, and name that',
    })
  }
  const root = resolve(directory)
  const state = await stat(root).catch(() => undefined)
  if (state?.isDirectory() !== true)
    throw new CliError('INVALID', `Cannot build from "${directory}": there is no such directory`)
  const dockerfile = flags.file === undefined ? resolve(root, 'Dockerfile') : resolve(flags.file)
  if ((await stat(dockerfile).catch(() => undefined)) === undefined) {
    throw new CliError('INVALID', `Cannot read the Dockerfile "${dockerfile}": there is no such file`, {
      hint: flags.file === undefined ? 'Name another one with -f' : undefined,
    })
  }
  return {
    directory: root,
    dockerfile,
    tags: flags.tag,
    ...(flags.target === undefined ? {} : { target: flags.target }),
    buildArgs: buildArgsOf(flags['build-arg'], context.env),
    labels: readLabels([], flags.label),
    ...(flags.platform === undefined ? {} : { platform: flags.platform }),
    noCache: flags['no-cache'],
    pull: flags.pull,
  }
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
