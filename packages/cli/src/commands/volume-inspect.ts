import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { templateDetails, valueFormat } from '../format/format-flag.ts'
import { printValues } from '../print-values.ts'

/** `gantry volume inspect` */
export const volumeInspect: Command = defineCommand({
  name: 'volume inspect',
  summary: 'Display detailed information on one or more volumes',
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  details: templateDetails,
  arguments: [1],
  flags: { format: valueFormat() },
  async run({ context, flags, args }) {
    const { volumes } = await context.daemon()
    return printValues(context, args, flags.format, (name) => volumes.inspect(name))
  },
})
