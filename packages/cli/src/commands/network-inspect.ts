import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { templateDetails, valueFormat } from '../format/format-flag.ts'
import { printValues } from '../print-values.ts'

/** `gantry network inspect` */
export const networkInspect: Command = defineCommand({
  name: 'network inspect',
  summary: 'Display detailed information on one or more networks',
  usage: '[OPTIONS] NETWORK [NETWORK...]',
  details: templateDetails,
  arguments: [1],
  flags: { format: valueFormat() },
  async run({ context, flags, args }) {
    const { networks } = await context.daemon()
    return printValues(context, args, flags.format, (name) => networks.inspect(name))
  },
})
