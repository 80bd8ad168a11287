import type { Client } from '@gantry/client'
import type { Command } from '../command.ts'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import { openImages } from '../content.ts'
import { boolean, choice } from '../flags/flag.ts'
import { templateDetails, valueFormat } from '../format/format-flag.ts'
import { isNotFound, printValues } from '../print-values.ts'

const kinds = ['container', 'image', 'network', 'volume'] as const

/** `gantry inspect` */
export const inspect: Command = defineCommand({
  name: 'inspect',
  aliases: ['container inspect'],
  summary: 'Return low-level information on containers, images, networks and volumes',
  usage: '[OPTIONS] NAME|ID [NAME|ID...]',
  details: templateDetails,
  arguments: [1],
  flags: {
    format: valueFormat(),
    size: boolean('Display total file sizes if the type is container', { short: 's' }),
    type: choice('Only inspect objects of the given type', kinds),
  },
  async run({ context, flags, args }) {
    if (flags.type === 'image') {
      const store = await openImages(context)
      return printValues(context, args, flags.format, (name) => store.inspect(name))
    }
    const client = await context.daemon()
    return printValues(context, args, flags.format, (name) => find(client, name, flags))
  },
})

async function find(
  client: Client,
  name: string,
  flags: { readonly size: boolean; readonly type: (typeof kinds)[number] | undefined },
): Promise<unknown> {
  for (const kind of flags.type === undefined ? kinds : [flags.type]) {
    try {
      if (kind === 'container') return await client.containers.inspect(name, { size: flags.size })
      if (kind === 'image') return await client.images.inspect(name)
      if (kind === 'network') return await client.networks.inspect(name)
      return await client.volumes.inspect(name)
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
  throw new CliError('NOT_FOUND', `No such ${flags.type ?? 'object'}: ${name}`)
}
