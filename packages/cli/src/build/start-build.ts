import type { Context } from '../context.ts'
import { resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import { type BuildFlags, runBuild } from './run-build.ts'

/** `gantry build`, once, or with `--watch` each time that something has changed. */
export async function startBuild(
  context: Context,
  flags: BuildFlags & { readonly watch: boolean },
  place: string,
): Promise<number> {
  if (!flags.watch) return runBuild(context, flags, place)
  if (place === '-' || /^(?:\w+:\/\/|[\w.-]+@[\w.-]+:)/.test(place) || flags.file === '-') {
    throw new CliError('INVALID', `Cannot watch "${place}": only a directory of this machine can be watched`)
  }
  const { readIgnoreFile } = await import('@gantry/builder')
  const { watchBuild } = await import('./watch-build.ts')
  const directory = resolve(place)
  const dockerfile = flags.file === undefined ? undefined : resolve(flags.file)
  return watchBuild(context, {
    directory,
    dockerfile,
    ignore: () => readIgnoreFile(directory, dockerfile ?? resolve(directory, 'Dockerfile')),
    build: (once) => runBuild(once, flags, place),
  })
}
