import { existsSync, writeFileSync } from 'node:fs'
import type { Client, ContainerCreateBody } from '@gantry/client'
import type { ContainerFlags } from './container-flags.ts'
import type { Context } from '../context.ts'
import type { FlagValues } from '../flags/flag.ts'
import { CliError } from '../cli-error.ts'

type CreateFlags = FlagValues<Pick<ContainerFlags, 'name' | 'platform' | 'pull' | 'quiet' | 'cidfile'>>

/**
 * Creates a container and returns its id. An image that is not there is pulled first, unless `--pull never`; what the
 * daemon warns of goes to standard error.
 */
export async function createContainer(
  context: Context,
  client: Client,
  body: ContainerCreateBody,
  flags: CreateFlags,
): Promise<string> {
  if (flags.cidfile !== undefined && existsSync(flags.cidfile)) {
    throw new CliError(
      'INVALID',
      `Cannot write the container's id to "${flags.cidfile}": the file exists already; remove it or name another`,
    )
  }
  const image = body.Image ?? ''
  const create = () =>
    client.containers.create(body, {
      ...(flags.name === undefined ? {} : { name: flags.name }),
      ...(flags.platform === undefined ? {} : { platform: flags.platform }),
    })
  const pull = async (): Promise<void> => {
    const { pullForContainer } = await import('./pull-for-container.ts')
    await pullForContainer(context, client, image, flags)
  }
  if (flags.pull === 'always') await pull()
  const created = await create().catch(async (error: unknown) => {
    if (flags.pull === 'never' || !isMissingImage(error)) throw error
    const { withTag } = await import('./with-tag.ts')
    if (!flags.quiet) context.err.write(`Unable to find image '${withTag(image)}' locally\n`)
    await pull()
    return create()
  })
  for (const warning of created.Warnings) context.err.write(`WARNING: ${warning}\n`)
  if (flags.cidfile !== undefined) writeFileSync(flags.cidfile, created.Id)
  return created.Id
}

function isMissingImage(error: unknown): boolean {
  if (!(error instanceof Error) || !('status' in error) || error.status !== 404) return false
  if ('reason' in error && typeof error.reason === 'string') return error.reason === 'IMAGE_UNKNOWN'
  return /no such image/i.test(error.message)
}
