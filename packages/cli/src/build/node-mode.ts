import type { BuildEvent, BuildResult } from '@gantry/builder'
import type { ContentWorld } from '@gantry/daemon'
import type { BuildFlags, BuildRequest } from './run-build.ts'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError } from '../cli-error.ts'

const dockerfiles = ['Dockerfile', 'dockerfile', 'Containerfile']

/** Whether a directory is built as a Node project: it is asked for, or there is a package.json and no Dockerfile. */
export async function wantsNode(flags: Pick<BuildFlags, 'node' | 'file'>, { context }: BuildRequest): Promise<boolean> {
  if (flags.node) {
    if (flags.file !== undefined) throw new CliError('INVALID', 'Cannot use --node and --file together')
    if (isDirectory(context)) return true
    throw new CliError('UNSUPPORTED', 'Cannot build a Node project that is not a directory here', {
      hint: 'Get it first, for example with "git clone"',
    })
  }
  if (flags.file !== undefined || !isDirectory(context)) return false
  const exists = (name: string): Promise<boolean> =>
    access(join(context, name)).then(
      () => true,
      () => false,
    )
  for (const name of dockerfiles) if (await exists(name)) return false
  return exists('package.json')
}

/** Flags that mean nothing without a Dockerfile, by their members of a request. */
const meaningless = {
  buildArgs: 'build-arg',
  contexts: 'build-context',
  secrets: 'secret',
  ssh: 'ssh',
  addHosts: 'add-host',
  cacheFrom: 'cache-from',
  cacheTo: 'cache-to',
} as const

/** Builds a Node project in this process. @throws CliError INVALID for a flag that means nothing; BuildError */
export async function buildNodeProject(
  request: BuildRequest,
  { builderPorts }: Pick<ContentWorld, 'builderPorts'>,
  run: { readonly signal: AbortSignal; readonly onEvent: (event: BuildEvent) => void },
): Promise<BuildResult> {
  for (const [member, flag] of Object.entries(meaningless)) {
    if (Object.keys(request[member as keyof typeof meaningless] ?? {}).length === 0) continue
    throw new CliError('INVALID', `Cannot use --${flag} without a Dockerfile`, {
      hint: 'Settings of Node projects are in package.json under "gantry"',
    })
  }
  const { context, ...rest } = request
  if (!isDirectory(context)) throw new TypeError('wantsNode has looked at it')
  const { buildNode } = await import('@gantry/builder')
  return buildNode({ ...rest, context, ...run }, builderPorts)
}

function isDirectory(context: BuildRequest['context']): context is string {
  return typeof context === 'string' && !/^(?:https?|git|ssh):\/\/|^[\w.-]+@[\w.-]+:(?!\/)/.test(context)
}
