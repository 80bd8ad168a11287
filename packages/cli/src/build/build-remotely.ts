import type { Context } from '../context.ts'
import type { ProgressMode } from '../progress/build-view.ts'
import type { BuildRequest } from './run-build.ts'
import { relative } from 'node:path'
import { CliError } from '../cli-error.ts'
import { contextTar } from './context-tar.ts'

/** Has the daemon build, and returns the image's id. The daemon's lines are printed as they come. */
export async function buildRemotely(context: Context, request: BuildRequest, mode: ProgressMode): Promise<string> {
  const { directory, dockerfile, ...rest } = request
  const path = relative(directory, dockerfile)
  if (path.startsWith('..'))
    throw new CliError(
      'UNSUPPORTED',
      `Cannot build with "${dockerfile}": a Dockerfile outside the context cannot be sent to the daemon yet`,
    )
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
