import type { Context } from '../context.ts'
import type { ProgressMode } from '../progress/build-view.ts'
import type { BuildRequest } from './run-build.ts'
import { relative, resolve } from 'node:path'
import { formatPlatform } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import { contextTar } from './context-tar.ts'

/** Has the daemon build, and returns the image's id. The daemon's lines are printed as they come. */
export async function buildRemotely(context: Context, request: BuildRequest, mode: ProgressMode): Promise<string> {
  const { context: directory } = request
  refuseWhatItCannot(request)
  if (typeof directory !== 'string') throw unsupported('a context on standard input')
  const dockerfile = request.dockerfile ?? resolve(directory, 'Dockerfile')
  const path = relative(directory, dockerfile)
  if (path.startsWith('..'))
    throw new CliError(
      'UNSUPPORTED',
      `Cannot build with "${dockerfile}": a Dockerfile outside the context cannot be sent to the daemon yet`,
    )
  const { tags = [], target, buildArgs = {}, labels = {}, platform, noCache = false, pull = false } = request
  const rest = {
    tags,
    ...(target === undefined ? {} : { target }),
    buildArgs,
    labels,
    ...(platform === undefined ? {} : { platform: formatPlatform(platform) }),
    noCache,
    pull,
  }
  const client = await context.daemon()
  let imageId = ''
  const messages = client.images.build(contextTar(directory, path), {
    ...rest,
    dockerfile: path,
    signal: context.signal,
  })
  for await (const message of messages) {
    imageId = message.aux?.ID ?? imageId
    const text = message.stream ?? (message.status === undefined ? undefined : `${message.status}\n`)
    if (mode === 'json') context.err.write(`${JSON.stringify(message)}\n`)
    else if (mode !== 'quiet' && text !== undefined) context.err.write(text)
  }
  if (imageId === '') throw new CliError('FAILED', 'The daemon ended the build without an image')
  return imageId
}

/** What a daemon's build does not take is refused, never left out. */
function refuseWhatItCannot(request: BuildRequest): void {
  if (typeof request.context === 'string' && /^(?:https?|git|ssh):\/\/|^[\w.-]+@[\w.-]+:(?!\/)/.test(request.context))
    throw unsupported('a context from elsewhere')
  if (request.platforms !== undefined) throw unsupported('several platforms')
  if (request.dockerfileText !== undefined) throw unsupported('a Dockerfile on standard input')
  if (request.network !== undefined) throw unsupported('--network')
  if (request.egress !== undefined) throw unsupported('--allow-hosts or --record-network')
  if (request.attest !== undefined) throw unsupported('attestations')
  if (request.why === true) throw unsupported('--why')
  if (request.inlineCache === true) throw unsupported('--cache-to')
  for (const [name, value] of Object.entries({
    'build-context': request.contexts,
    secret: request.secrets,
    ssh: request.ssh,
    annotation: request.annotations,
    'add-host': request.addHosts,
    allow: request.allow,
    'cache-from': request.cacheFrom,
    'cache-to': request.cacheTo,
  })) {
    if (Object.keys(value ?? {}).length > 0) throw unsupported(`--${name}`)
  }
}

function unsupported(what: string): CliError {
  return new CliError('UNSUPPORTED', `Cannot build with ${what} through the daemon yet`, {
    hint: 'Build in this process: as root, or with a root of your own (--root)',
  })
}
