import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { templateDetails, valueFormat } from '../format/format-flag.ts'
import { printValues } from '../print-values.ts'

/** `gantry secret inspect` */
export const secretInspect: Command = defineCommand({
  name: 'secret inspect',
  summary: 'Display detailed information on one or more secrets, never their values',
  usage: '[OPTIONS] SECRET [SECRET...]',
  details: templateDetails,
  arguments: [1],
  flags: { format: valueFormat() },
  async run({ context, flags, args }) {
    const { secrets } = await context.daemon()
    return printValues(context, args, flags.format, (name) => secrets.inspect(name))
  },
})
