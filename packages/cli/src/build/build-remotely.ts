import type { Context } from '../context.ts'
import type { ProgressMode } from '../progress/build-view.ts'
import type { BuildRequest } from './run-build.ts'
import { relative, resolve } from 'node:path'
import { formatPlatform } from '@gantry/oci'
import { CliError } from '../cli-error.ts'
import { contextTar } from './context-tar.ts'

/** Has the daemon build, and returns the image's id. The daemon's lines are printed as they come. */
export async function buildRemotely(context: Context, request: BuildRequest, mode: ProgressMode): Promise<string> {
  refuseWhatItCannot(request)
  const { tags = [], target, buildArgs = {}, labels = {}, platform, noCache = false, pull = false } = request
  const { network, addHosts, limits } = request
  const rest = {
    tags,
    ...(target === undefined ? {} : { target }),
    buildArgs,
    labels,
    ...(platform === undefined ? {} : { platform: formatPlatform(platform) }),
    noCache,
    pull,
    ...(network === undefined ? {} : { network }),
    ...(addHosts === undefined ? {} : { addHosts }),
    ...(limits === undefined ? {} : { limits }),
  }
  const { archive, ...place } = contextOf(request)
  const client = await context.daemon()
  let imageId = ''
  const messages = client.images.build(archive, { ...rest, ...place, signal: context.signal })
  for await (const message of messages) {
    imageId = message.aux?.ID ?? imageId
    const text = message.stream ?? (message.status === undefined ? undefined : `${message.status}\n`)
    if (mode === 'json') context.err.write(`${JSON.stringify(message)}\n`)
    else if (mode !== 'quiet' && text !== undefined) context.err.write(text)
  }
  if (imageId === '') throw new CliError('FAILED', 'The daemon ended the build without an image')
  return imageId
}

/** The context as the daemon takes it: packed, or its address. */
function contextOf({ context, dockerfile: written }: BuildRequest): {
  readonly archive: AsyncIterable<Uint8Array>
  readonly dockerfile?: string
  readonly remote?: string
} {
  if (typeof context !== 'string')
    return { archive: context.stream, ...(written === undefined ? {} : { dockerfile: written }) }
  if (/^(?:https?|git|ssh):\/\/|^[\w.-]+@[\w.-]+:(?!\/)/.test(context)) {
    return { archive: nothing(), remote: context, ...(written === undefined ? {} : { dockerfile: written }) }
  }
  const dockerfile = relative(context, written ?? resolve(context, 'Dockerfile'))
  if (!dockerfile.startsWith('..')) return { archive: contextTar(context, dockerfile), dockerfile }
  throw new CliError(
    'UNSUPPORTED',
    `Cannot build with "${written ?? ''}": a Dockerfile outside the context cannot be sent to the daemon yet`,
  )
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** What a daemon's build does not take is refused, never left out. */
function refuseWhatItCannot(request: BuildRequest): void {
  if (request.platforms !== undefined) throw unsupported('several platforms')
  if (request.dockerfileText !== undefined) throw unsupported('a Dockerfile on standard input')
  if (request.egress !== undefined) throw unsupported('--allow-hosts or --record-network')
  if (request.attest !== undefined) throw unsupported('attestations')
  if (request.why === true) throw unsupported('--why')
  if (request.inlineCache === true) throw unsupported('--cache-to')
  for (const [name, value] of Object.entries({
    'build-context': request.contexts,
    secret: request.secrets,
    ssh: request.ssh,
    annotation: request.annotations,
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
