import type { ContentWorld } from '@gantry/daemon'
import { CliError } from '../cli-error.ts'
import { openContent } from '../content.ts'
import type { Context } from '../context.ts'

/** The content of the root, for what is done to its registry in this very process. @throws CliError NOT_ROOT */
export async function openRegistryWorld(context: Context, purpose: string): Promise<ContentWorld> {
  const world = await openContent(context)
  if (world !== undefined) return world
  throw new CliError(
    'NOT_ROOT',
    `Cannot ${purpose}: the root belongs to the daemon, and this user may not write to it`,
    {
      hint: 'Run it as root, or name a root of your own with --root',
    },
  )
}
