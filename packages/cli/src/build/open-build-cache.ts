import type { BuilderPorts } from '@gantry/builder'
import { CliError } from '../cli-error.ts'
import { openContent } from '../content.ts'
import type { Context } from '../context.ts'

/** What the build cache of the root is reached by. @throws {CliError} UNSUPPORTED: the root is the daemon's alone */
export async function openBuildCache(context: Context): Promise<BuilderPorts> {
  const content = await openContent(context)
  if (content !== undefined) return content.builderPorts
  throw new CliError(
    'UNSUPPORTED',
    'Cannot look after the build cache through the daemon yet: it needs a root that this user may write to',
    { hint: 'Run it as root, or name a root of your own with --root' },
  )
}
